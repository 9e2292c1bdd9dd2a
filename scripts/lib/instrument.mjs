// Makes TypeScript count which of its blocks run, and remember what it compared: the feedback of the fuzzers in test/fuzz.
import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** What the instrumented code calls; runs before everything else in the bundle. */
const runtime = (blocks, words) => `
globalThis.__fuzz = { counters: new Uint8Array(${blocks}), compared: [], words: ${JSON.stringify(words)} };
const __hit = globalThis.__fuzz.counters;
function __same(a, b) {
  if (a !== b && (typeof a === 'number' || typeof a === 'string') && typeof a === typeof b) {
    const all = globalThis.__fuzz.compared;
    if (all.length < 128) all.push(a, b);
  }
  return a === b;
}
`;

const { factory: f, SyntaxKind } = ts;
const operatorsWithBranch = new Set([
  SyntaxKind.AmpersandAmpersandToken,
  SyntaxKind.BarBarToken,
  SyntaxKind.QuestionQuestionToken,
]);

/** An esbuild plugin that instruments the sources that `wanted` chooses, and the banner for its bundle. */
export function instrumentation(wanted) {
  let blocks = 0;
  const words = new Set();
  const plugin = {
    name: 'fuzz-instrumentation',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (!wanted(path)) return undefined;
        const source = readFileSync(path, 'utf8');
        const { outputText } = ts.transpileModule(source, {
          fileName: path,
          compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
          transformers: { before: [transformer(() => blocks++, words)] },
        });
        return { contents: outputText, loader: 'js' };
      });
    },
  };
  return { plugin, banner: () => runtime(blocks, [...words]) };
}

function transformer(next, words) {
  const hit = () => f.createPostfixIncrement(f.createElementAccessExpression(f.createIdentifier('__hit'), next()));
  const counted = (expression) => f.createParenthesizedExpression(f.createComma(hit(), expression));
  const block = (statement) => {
    const inner = statement && ts.isBlock(statement) ? statement.statements : statement ? [statement] : [];
    return f.createBlock([f.createExpressionStatement(hit()), ...inner], true);
  };

  return (context) => {
    const visit = (node) => {
      if (ts.isTypeNode(node)) return node;
      if (ts.isStringLiteral(node) && !isImport(node) && node.text.length > 1 && node.text.length < 32)
        words.add(node.text);
      if (ts.isNumericLiteral(node) && Number(node.text) > 2) words.add(Number(node.text));
      return rebuilt(ts.visitEachChild(node, visit, context));
    };

    /** The node with its counters; its children have theirs. */
    const rebuilt = (node) => {
      if (ts.isIfStatement(node))
        return f.updateIfStatement(node, node.expression, block(node.thenStatement), block(node.elseStatement));
      if (ts.isForStatement(node))
        return f.updateForStatement(node, node.initializer, node.condition, node.incrementor, block(node.statement));
      if (ts.isForOfStatement(node))
        return f.updateForOfStatement(
          node,
          node.awaitModifier,
          node.initializer,
          node.expression,
          block(node.statement),
        );
      if (ts.isWhileStatement(node)) return f.updateWhileStatement(node, node.expression, block(node.statement));
      if (ts.isDoStatement(node)) return f.updateDoStatement(node, block(node.statement), node.expression);
      if (ts.isCaseClause(node))
        return f.updateCaseClause(node, node.expression, [f.createExpressionStatement(hit()), ...node.statements]);
      if (ts.isDefaultClause(node))
        return f.updateDefaultClause(node, [f.createExpressionStatement(hit()), ...node.statements]);
      if (ts.isCatchClause(node)) return f.updateCatchClause(node, node.variableDeclaration, block(node.block));
      if (ts.isConditionalExpression(node))
        return f.updateConditionalExpression(
          node,
          node.condition,
          node.questionToken,
          counted(node.whenTrue),
          node.colonToken,
          counted(node.whenFalse),
        );
      if (ts.isBinaryExpression(node)) return binary(node);
      if (ts.isFunctionDeclaration(node) && node.body)
        return f.updateFunctionDeclaration(
          node,
          node.modifiers,
          node.asteriskToken,
          node.name,
          node.typeParameters,
          node.parameters,
          node.type,
          block(node.body),
        );
      if (ts.isMethodDeclaration(node) && node.body)
        return f.updateMethodDeclaration(
          node,
          node.modifiers,
          node.asteriskToken,
          node.name,
          node.questionToken,
          node.typeParameters,
          node.parameters,
          node.type,
          block(node.body),
        );
      if (ts.isArrowFunction(node)) {
        const body = ts.isBlock(node.body) ? block(node.body) : counted(node.body);
        const { modifiers, typeParameters, parameters, type, equalsGreaterThanToken } = node;
        return f.updateArrowFunction(node, modifiers, typeParameters, parameters, type, equalsGreaterThanToken, body);
      }
      return node;
    };

    const binary = (node) => {
      const kind = node.operatorToken.kind;
      if (operatorsWithBranch.has(kind))
        return f.updateBinaryExpression(node, node.left, node.operatorToken, counted(node.right));
      if (kind !== SyntaxKind.EqualsEqualsEqualsToken && kind !== SyntaxKind.ExclamationEqualsEqualsToken) return node;
      const same = f.createCallExpression(f.createIdentifier('__same'), undefined, [node.left, node.right]);
      return kind === SyntaxKind.EqualsEqualsEqualsToken ? same : f.createLogicalNot(same);
    };

    return (file) => ts.visitNode(file, visit);
  };
}

const isImport = (node) =>
  node.parent !== undefined && (ts.isImportDeclaration(node.parent) || ts.isExportDeclaration(node.parent));
