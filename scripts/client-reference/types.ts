import ts from 'typescript';

/** `*` at the beginning of a line would start a list, and `|` ends a cell of a table. */
const inCell = (text: string): string => text.replace(/\s+/g, ' ').replaceAll('|', String.raw`\|`);

const docOf = (node: ts.Node): ts.JSDoc | undefined => ts.getJSDocCommentsAndTags(node).findLast(ts.isJSDoc);
const textOf = (comment: ts.JSDoc['comment']): string =>
  (ts.getTextOfJSDocComment(comment) ?? '').replace(/\s+/g, ' ').trim();

const summaryOf = (node: ts.Node): string => textOf(docOf(node)?.comment);

const printer = ts.createPrinter({ removeComments: true });

/** A docstring's tags as sentences: `@param`, `@returns`, `@throws`. */
const tagsOf = (node: ts.Node): string[] =>
  (docOf(node)?.tags ?? []).map((tag) => {
    const text = textOf(tag.comment);
    if (ts.isJSDocParameterTag(tag)) return `- \`${tag.name.getText()}\`: ${text}`;
    return `- **${tag.tagName.text === 'throws' ? 'Errors' : 'Returns'}**: ${text}`;
  });

const memberRow = (member: ts.TypeElement | ts.ClassElement): string => {
  const optional = 'questionToken' in member && member.questionToken !== undefined ? '' : ' (required)';
  const type =
    ts.isPropertySignature(member) || ts.isPropertyDeclaration(member)
      ? (member.type?.getText() ?? '')
      : member.getText();
  const shown = optional === '' ? type.replace(/ \| undefined$/, '') : type;
  const doc = [summaryOf(member), ...tagsOf(member).map((tag) => tag.slice(2))].filter(Boolean).join(' ');
  return `| \`${member.name?.getText()}\`${optional} | \`${inCell(shown)}\` | ${inCell(doc)} |`;
};

const table = (members: readonly (ts.TypeElement | ts.ClassElement)[]): string =>
  ['| member | type | meaning |', '| --- | --- | --- |', ...members.map(memberRow)].join('\n');

/** Members of results are always present unless their text says otherwise, so only options are marked as required. */
const interfaceSection = (node: ts.InterfaceDeclaration): string => {
  const isOptions = /Options|Document/.test(node.name.text);
  const text = table([...node.members]);
  const bases = (node.heritageClauses ?? []).flatMap(({ types }) => types.map((each) => `\`${each.getText()}\``));
  const inherited = bases.length === 0 ? '' : ` It also has the members of ${bases.join(', ')}.`;
  return `### ${node.name.text}\n\n${summaryOf(node)}${inherited}\n\n${isOptions ? text : text.replaceAll(' (required)', '')}`;
};

const aliasSection = (node: ts.TypeAliasDeclaration, text: string): string =>
  `### ${node.name.text}\n\n${summaryOf(node)}\n\n\`\`\`ts\ntype ${node.name.text} = ${text}\n\`\`\``;

const classSection = (node: ts.ClassDeclaration): string => {
  const name = node.name?.text ?? '';
  const properties = node.members.filter(ts.isPropertyDeclaration).filter((each) => !ts.isPrivateIdentifier(each.name));
  const methods = node.members.filter((each) => ts.isMethodDeclaration(each) || ts.isConstructorDeclaration(each));
  const sections = methods.map((method) => {
    const title = ts.isConstructorDeclaration(method) ? `new ${name}` : `${name}.${method.name.getText()}`;
    const signature = method.getText().replace(/^constructor/, `new ${name}`);
    return [`#### ${title}`, `\`\`\`ts\n${signature}\n\`\`\``, summaryOf(method), tagsOf(method).join('\n')]
      .filter(Boolean)
      .join('\n\n');
  });
  const members = properties.length === 0 ? [] : [table(properties).replaceAll(' (required)', '')];
  return [`### ${name}`, summaryOf(node), ...members, ...sections].join('\n\n');
};

/** Literal unions of constants (`(typeof RULES)[number]`) and of keys (`keyof typeof TABLE`), written out. */
const aliasText = (node: ts.TypeAliasDeclaration, source: ts.SourceFile): string => {
  const [, constant] =
    /^(?:\(typeof (\w+)\)\[number\])$/.exec(node.type.getText()) ??
    /^keyof typeof (\w+)$/.exec(node.type.getText()) ??
    [];
  if (constant === undefined) return printer.printNode(ts.EmitHint.Unspecified, node.type, source).replace(/\s+/g, ' ');
  const declaration = source.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => [...declarationList.declarations])
    .find((each) => each.name.getText() === constant);
  const type = declaration?.type;
  if (type !== undefined && ts.isTypeLiteralNode(type)) {
    return type.members.map((member) => `'${member.name?.getText().replaceAll("'", '')}'`).join(' | ');
  }
  return [...(type?.getText() ?? '').matchAll(/"([^"]+)"/g)].map(([, value]) => `'${value}'`).join(' | ');
};

/**
 * @param declarations the text of the library's bundled types
 * @returns Markdown: classes first, then the types that their methods take and return
 */
export const typesReference = (declarations: string): string => {
  const source = ts.createSourceFile('index.d.ts', declarations, ts.ScriptTarget.Latest, true);
  const exported = new Set(
    source.statements
      .filter(ts.isExportDeclaration)
      .flatMap(({ exportClause }) =>
        exportClause !== undefined && ts.isNamedExports(exportClause)
          ? exportClause.elements.map(({ name }) => name.text)
          : [],
      ),
  );
  const sectionOf = (node: ts.Statement): string | undefined => {
    if (ts.isClassDeclaration(node)) return exported.has(node.name?.text ?? '') ? classSection(node) : undefined;
    if (ts.isInterfaceDeclaration(node)) return exported.has(node.name.text) ? interfaceSection(node) : undefined;
    if (ts.isTypeAliasDeclaration(node))
      return exported.has(node.name.text) ? aliasSection(node, aliasText(node, source)) : undefined;
    return undefined;
  };
  const order = [ts.isClassDeclaration, ts.isInterfaceDeclaration, ts.isTypeAliasDeclaration];
  const sections = order.flatMap((isKind) => {
    const found: ts.Statement[] = source.statements.filter(isKind);
    // The client itself comes before its error.
    return (isKind === ts.isClassDeclaration ? found.toReversed() : found).map(sectionOf);
  });
  return sections.filter((section) => section !== undefined).join('\n\n');
};
