import ts from 'typescript';

/**
 * Texts for people: details, remedies, log messages, causes. Tests assert codes and facts rather than wording, so a
 * change of wording alone says nothing about the tests and is not made.
 */

const WORDED: ReadonlySet<string> = new Set(['detail', 'remedy', 'title', 'message']);

const LOG_LEVELS: ReadonlySet<string> = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal']);

const isLogCall = (node: ts.Node): boolean => {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false;
  const { name, expression } = node.expression;
  const isLog = /(^|\.)log$/.test(expression.getText());
  return isLog && LOG_LEVELS.has(name.text);
};

/** Three words or more: a sentence rather than a name. */
const isSentence = (text: string): boolean => /\S\s+\S+\s+\S/.test(text);

const textOf = (node: ts.Node): string | undefined => {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node)) {
    return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('x');
  }
  return undefined;
};

const isWorded = (node: ts.Node): boolean => {
  const text = textOf(node);
  return text !== undefined && isSentence(text);
};

/** A condition that only chooses between two wordings. */
const isWordChoice = ({ whenTrue, whenFalse }: ts.ConditionalExpression): boolean =>
  [whenTrue, whenFalse].some(isWorded) && [whenTrue, whenFalse].every((node) => textOf(node) !== undefined);

export const isProse = (node: ts.Node): boolean => {
  if (ts.isConditionalExpression(node) && isWordChoice(node)) return true;
  if (ts.isExpressionStatement(node)) return isLogCall(node.expression);
  if (ts.isPropertyAssignment(node)) return WORDED.has(node.name.getText());
  if (ts.isNewExpression(node)) return /^(Error|ConfigError)$/.test(node.expression.getText());
  return isLogCall(node) || isWorded(node);
};
