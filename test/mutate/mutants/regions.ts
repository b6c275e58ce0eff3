import ts from 'typescript';

/**
 * The regions of a source file that run as a whole or not at all: bodies, branches, the right side of `&&`. A probe at
 * the start of each one shows which tests reach it, in any process. V8's own coverage does not help: it is written when
 * a process exits, and the couriers in many tests are killed.
 */
interface Region {
  start: number;
  end: number;
  /** The text before and after it for the probe with this number. */
  open(probe: string): string;
  close: string;
}

const asStatement = (node: ts.Node, source: ts.SourceFile): Region => ({
  start: node.getStart(source),
  end: node.end,
  open: (probe) => `{ ${probe}; `,
  close: ' }',
});

const asExpression = (node: ts.Node, source: ts.SourceFile): Region => ({
  start: node.getStart(source),
  end: node.end,
  open: (probe) => `(${probe}, `,
  close: ')',
});

/** After the opening brace, or the colon of a case. */
const asList = (start: number, end: number): Region => ({ start, end, open: (probe) => ` ${probe}; `, close: '' });

const bodyOf = (node: ts.Statement, source: ts.SourceFile): Region[] =>
  ts.isBlock(node) ? [] : [asStatement(node, source)];

const SHORT_CIRCUITS: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]);

const regionsAt = (node: ts.Node, source: ts.SourceFile): Region[] => {
  if (ts.isBlock(node)) return [asList(node.getStart(source) + 1, node.end - 1)];
  if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) return [asExpression(node.body, source)];
  if (ts.isConditionalExpression(node))
    return [asExpression(node.whenTrue, source), asExpression(node.whenFalse, source)];
  if (ts.isBinaryExpression(node) && SHORT_CIRCUITS.has(node.operatorToken.kind))
    return [asExpression(node.right, source)];
  if (ts.isIfStatement(node)) {
    const otherwise = node.elseStatement === undefined ? [] : bodyOf(node.elseStatement, source);
    return [...bodyOf(node.thenStatement, source), ...otherwise];
  }
  if (ts.isIterationStatement(node, false)) return bodyOf(node.statement, source);
  if (ts.isCaseOrDefaultClause(node)) {
    const first = node.statements[0];
    return first === undefined ? [] : [asList(first.getStart(source), node.end)];
  }
  return [];
};

/** Region 0 is the file itself, which is reached when it is imported. */
export const regionsOf = (source: ts.SourceFile): Region[] => {
  const regions: Region[] = [asList(0, source.text.length)];
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node)) return;
    regions.push(...regionsAt(node, source));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return regions;
};

/** The number of the innermost region around a span. */
export const regionAt = (regions: readonly Region[], start: number, end: number): number => {
  let found = 0;
  for (const [number, region] of regions.entries()) {
    const inner = regions[found];
    const isAround = region.start <= start && region.end >= end;
    if (isAround && inner !== undefined && region.end - region.start <= inner.end - inner.start) found = number;
  }
  return found;
};

/** Appends `file#region` to a file of hits when a region is first reached, once for each process and test file. */
const prelude = (file: string, hits: string): string =>
  [
    "import { appendFileSync as __append } from 'node:fs';",
    'const __seen = new Set();',
    `const __reached = (n: number): void => { if (!__seen.has(n)) { __seen.add(n); __append(${JSON.stringify(hits)}, ${JSON.stringify(`${file}#`)} + n + '\\n'); } };`,
    '__reached(0);',
  ].join(' ');

interface Mark {
  at: number;
  text: string;
  /** The order at one offset: inner regions close first, then regions open, the outer ones first. */
  order: number;
}

const marksOf = ({ start, end, open, close }: Region, number: number): Mark[] => [
  { at: start, text: open(`__reached(${number})`), order: 1 / (1 + end - start) },
  { at: end, text: close, order: -1 / (1 + end - start) },
];

/** The same program with a probe in each region. @param hits path of the file that records what was reached */
export const withProbes = (source: ts.SourceFile, file: string, hits: string): string => {
  const marks = regionsOf(source)
    .flatMap((region, number) => (number === 0 ? [] : marksOf(region, number)))
    .sort((one, other) => one.at - other.at || one.order - other.order);
  let text = `${prelude(file, hits)}\n`;
  let from = 0;
  for (const { at, text: mark } of marks) {
    text += source.text.slice(from, at) + mark;
    from = at;
  }
  return text + source.text.slice(from);
};
