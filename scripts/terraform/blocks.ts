/** A block of Terraform's language: `kind "label" … { attributes and blocks }`. */
export interface Block {
  kind: string;
  labels: string[];
  /** Names of the attributes that are set with `=`. */
  attributes: string[];
  blocks: Block[];
}

const TOKEN =
  /\s+|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|\$\{(?:[^{}"]|"(?:\\.|[^"])*")*\}|[^"\\])*"|[A-Za-z_][\w-]*|[\s\S]/g;

interface Token {
  text: string;
  /** True if a line ends before this token. */
  first: boolean;
}

const tokensOf = (source: string): Token[] => {
  const tokens: Token[] = [];
  let first = true;
  for (const [text] of source.matchAll(TOKEN)) {
    if (/^(\s|#|\/\/|\/\*)/.test(text)) first ||= text.includes('\n') || text.startsWith('#');
    else {
      tokens.push({ text, first });
      first = false;
    }
  }
  return tokens;
};

/** The end of the expression that begins at `from`: the next line outside all brackets, or the enclosing brace. */
const endOfExpression = (tokens: readonly Token[], from: number): number => {
  let depth = 0;
  for (let at = from; at < tokens.length; at++) {
    const { text = '', first = false } = tokens[at] ?? {};
    const continues = /^[?:&|]$/.test(text);
    if (depth === 0 && at > from && (text === '}' || (first && !continues))) return at;
    if ('([{'.includes(text)) depth++;
    if (')]}'.includes(text)) depth--;
  }
  return tokens.length;
};

const bodyOf = (tokens: readonly Token[], from: number): { attributes: string[]; blocks: Block[]; end: number } => {
  const attributes: string[] = [];
  const blocks: Block[] = [];
  let at = from;
  while (at < tokens.length && tokens[at]?.text !== '}') {
    const name = tokens[at]?.text ?? '';
    at++;
    if (tokens[at]?.text === '=') {
      attributes.push(name);
      at = endOfExpression(tokens, at + 1);
      continue;
    }
    const labels: string[] = [];
    while (at < tokens.length && tokens[at]?.text !== '{') {
      labels.push((tokens[at]?.text ?? '').replace(/^"|"$/g, ''));
      at++;
    }
    const { end, ...inside } = bodyOf(tokens, at + 1);
    blocks.push({ kind: name, labels, ...inside });
    at = end + 1;
  }
  return { attributes, blocks, end: at };
};

/** The blocks of a file with their names. Expressions are skipped. */
export const blocksOf = (source: string): Block[] => bodyOf(tokensOf(source), 0).blocks;

/** `google_x.name.attribute` and `data.google_x.name.attribute` in expressions: kind, type and attribute. */
export const referencesOf = (source: string): { isData: boolean; type: string; attribute: string }[] =>
  [...source.matchAll(/\b(data\.)?(google_\w+)\.\w+(?:\[[^\]]*\])?\.(\w+)/g)].map(
    ([, data, type = '', attribute = '']) => ({
      isData: data !== undefined,
      type,
      attribute,
    }),
  );
