import ts from 'typescript';
import { isProse } from './prose.ts';

/** One change to a source text: the text between two offsets is replaced. */
export interface Change {
  operator: string;
  start: number;
  end: number;
  after: string;
}

type Operator = (
  node: ts.Node,
  source: ts.SourceFile,
) => [name: string, target: ts.Node | [number, number], after: string][];

const K = ts.SyntaxKind;

const COMPARISONS: Readonly<Partial<Record<ts.SyntaxKind, string>>> = {
  [K.LessThanToken]: '<=',
  [K.LessThanEqualsToken]: '<',
  [K.GreaterThanToken]: '>=',
  [K.GreaterThanEqualsToken]: '>',
  [K.EqualsEqualsEqualsToken]: '!==',
  [K.ExclamationEqualsEqualsToken]: '===',
  [K.EqualsEqualsToken]: '!=',
  [K.ExclamationEqualsToken]: '==',
};

const ARITHMETIC: Readonly<Partial<Record<ts.SyntaxKind, string>>> = {
  [K.PlusToken]: '-',
  [K.MinusToken]: '+',
  [K.AsteriskToken]: '/',
  [K.SlashToken]: '*',
  [K.PercentToken]: '*',
  [K.PlusEqualsToken]: '-=',
  [K.MinusEqualsToken]: '+=',
  [K.QuestionQuestionEqualsToken]: '=',
};

const EITHER: ReadonlySet<ts.SyntaxKind> = new Set([K.AmpersandAmpersandToken, K.BarBarToken, K.QuestionQuestionToken]);

/** Methods with a counterpart that does the opposite, and methods whose call may be removed. */
const COUNTERPARTS: Readonly<Record<string, string>> = {
  some: 'every',
  every: 'some',
  min: 'max',
  max: 'min',
  floor: 'ceil',
  ceil: 'floor',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
};
const LEFT_OUT: ReadonlySet<string> = new Set(['toLowerCase', 'trim', 'filter', 'slice', 'normalize', 'catch']);

/** Calls that return a boolean, by their names. */
const ASKS = /^(is|has|may|test|includes|some|every|startsWith|endsWith|equals)/;

const calledName = (node: ts.CallExpression): string =>
  ts.isPropertyAccessExpression(node.expression) ? node.expression.name.text : node.expression.getText();

const isBoolean = (node: ts.Expression): boolean => {
  if (ts.isParenthesizedExpression(node)) return isBoolean(node.expression);
  if (ts.isPrefixUnaryExpression(node)) return node.operator === K.ExclamationToken;
  if (ts.isCallExpression(node)) return ASKS.test(calledName(node));
  if (!ts.isBinaryExpression(node)) return false;
  const { kind } = node.operatorToken;
  return COMPARISONS[kind] !== undefined || kind === K.AmpersandAmpersandToken || kind === K.BarBarToken;
};

const isConstant = (node: ts.Expression): boolean =>
  ts.isLiteralExpression(node) ||
  node.kind === K.TrueKeyword ||
  node.kind === K.FalseKeyword ||
  node.getText() === 'undefined';

/** Conditions that are always or never met. An endless loop would only cost time. */
const conditions: Operator = (node) => {
  if (ts.isIfStatement(node)) {
    return [
      ['condition', node.expression, 'true'],
      ['condition', node.expression, 'false'],
    ];
  }
  if (ts.isConditionalExpression(node)) {
    return [
      ['condition', node.condition, 'true'],
      ['condition', node.condition, 'false'],
    ];
  }
  if (ts.isWhileStatement(node)) return [['condition', node.expression, 'false']];
  if (ts.isForStatement(node) && node.condition !== undefined) return [['condition', node.condition, 'false']];
  return [];
};

const binaries: Operator = (node) => {
  if (!ts.isBinaryExpression(node)) return [];
  const { left, right, operatorToken } = node;
  const compared = COMPARISONS[operatorToken.kind];
  if (compared !== undefined) return [['comparison', operatorToken, compared]];
  const computed = ARITHMETIC[operatorToken.kind];
  if (computed !== undefined) return [['arithmetic', operatorToken, computed]];
  if (!EITHER.has(operatorToken.kind)) return [];
  return [
    ['operand left out', node, left.getText()],
    ['operand left out', node, right.getText()],
  ];
};

const unaries: Operator = (node) => {
  if (ts.isPrefixUnaryExpression(node) && node.operator === K.ExclamationToken) {
    return [['negation left out', node, node.operand.getText()]];
  }
  if (ts.isPrefixUnaryExpression(node) && node.operator === K.MinusToken) {
    return [['arithmetic', node, node.operand.getText()]];
  }
  if (!ts.isPrefixUnaryExpression(node) && !ts.isPostfixUnaryExpression(node)) return [];
  if (node.operator === K.PlusPlusToken) return [['arithmetic', node, node.getText().replace('++', '--')]];
  return node.operator === K.MinusMinusToken ? [['arithmetic', node, node.getText().replace('--', '++')]] : [];
};

/** A time that is off by a millisecond makes no difference to any test; a time of zero does. */
const isTime = (node: ts.NumericLiteral): boolean => {
  const declared = ts.findAncestor(node, ts.isVariableDeclaration);
  return declared !== undefined && /_(MS|SECONDS)$/.test(declared.name.getText());
};

const literals: Operator = (node) => {
  if (node.kind === K.TrueKeyword) return [['literal', node, 'false']];
  if (node.kind === K.FalseKeyword) return [['literal', node, 'true']];
  if (ts.isNumericLiteral(node)) {
    return [['literal', node, isTime(node) ? '0' : String(Number(node.text.replaceAll('_', '')) + 1)]];
  }
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
    const isKey = ts.isPropertyAssignment(node.parent) && node.parent.name === node;
    return isKey ? [] : [['literal', node, node.text === '' ? "'mutated'" : "''"]];
  }
  if (ts.isTemplateExpression(node)) return [['literal', node, "''"]];
  if (ts.isArrayLiteralExpression(node) && node.elements.length > 0) return [['literal', node, '[]']];
  const isHanded =
    ts.isObjectLiteralExpression(node) && (ts.isCallExpression(node.parent) || ts.isReturnStatement(node.parent));
  return isHanded && node.properties.length > 0 ? [['literal', node, '{}']] : [];
};

const patterns: Operator = (node) => {
  if (node.kind !== K.RegularExpressionLiteral) return [];
  const text = node.getText();
  const flags = text.slice(text.lastIndexOf('/') + 1);
  const body = text.slice(1, text.lastIndexOf('/'));
  const found: ReturnType<Operator> = [];
  if (body.startsWith('^')) found.push(['pattern', node, `/${body.slice(1)}/${flags}`]);
  if (body.endsWith('$')) found.push(['pattern', node, `/${body.slice(0, -1)}/${flags}`]);
  if (flags.includes('i')) found.push(['pattern', node, `/${body}/${flags.replace('i', '')}`]);
  return found;
};

const calls: Operator = (node, source) => {
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const { name, expression } = node.expression;
    const counterpart = Object.hasOwn(COUNTERPARTS, name.text) ? COUNTERPARTS[name.text] : undefined;
    if (counterpart !== undefined) return [['other method', name, counterpart]];
    if (LEFT_OUT.has(name.text)) return [['call left out', node, expression.getText()]];
  }
  const isOptional =
    (ts.isPropertyAccessChain(node) || ts.isCallChain(node) || ts.isElementAccessChain(node)) &&
    node.questionDotToken !== undefined;
  if (!isOptional || node.questionDotToken === undefined) return [];
  const after = ts.isPropertyAccessChain(node) ? '.' : '';
  return [['optional chain', [node.questionDotToken.getStart(source), node.questionDotToken.end], after]];
};

/** The only statement of an `if` would be removed with its condition, which is mutated anyway. */
const isWholeOfIf = (node: ts.Statement): boolean => {
  const { parent } = node;
  if (ts.isIfStatement(parent)) return parent.elseStatement === undefined;
  return (
    ts.isBlock(parent) &&
    parent.statements.length === 1 &&
    ts.isIfStatement(parent.parent) &&
    parent.parent.elseStatement === undefined
  );
};

const statements: Operator = (node) => {
  if (ts.isThrowStatement(node)) return isWholeOfIf(node) ? [] : [['statement left out', node, ';']];
  if (ts.isExpressionStatement(node)) {
    const isDirective = ts.isStringLiteral(node.expression);
    return isDirective || isWholeOfIf(node) ? [] : [['statement left out', node, ';']];
  }
  return [];
};

const results: Operator = (node) => {
  const isArrow = ts.isArrowFunction(node) && !ts.isBlock(node.body);
  const value = ts.isReturnStatement(node) ? node.expression : isArrow ? (node.body as ts.Expression) : undefined;
  if (value === undefined || isConstant(value)) return [];
  if (!isBoolean(value)) return [['result', value, 'undefined']];
  return [
    ['result', value, 'true'],
    ['result', value, 'false'],
  ];
};

const OPERATORS: readonly Operator[] = [conditions, binaries, unaries, literals, patterns, calls, statements, results];

/** What has no effect at run time. */
const isTypeOnly = (node: ts.Node): boolean =>
  ts.isTypeNode(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isImportDeclaration(node) ||
  ts.isExportDeclaration(node);

/**
 * Every change that an operator makes to a source text, in the order of the text. Changes to prose alone are left out.
 */
export const changesOf = (source: ts.SourceFile): Change[] => {
  const found = new Map<string, Change>();
  const visit = (node: ts.Node): void => {
    if (isTypeOnly(node) || isProse(node)) return;
    for (const operator of OPERATORS) {
      for (const [name, target, after] of operator(node, source)) {
        const [start, end] = Array.isArray(target) ? target : [target.getStart(source), target.end];
        const before = source.text.slice(start, end);
        if (before !== after) found.set(`${start}:${end}:${after}`, { operator: name, start, end, after });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [...found.values()].sort((one, other) => one.start - other.start || one.end - other.end);
};
