// Parses Power Query (M) from the standard input with the parser of its maker; prints what stands in it as JSON.
//
//     node read.mjs < query.pq
//
// {"in": …, "steps": {name: value}}: texts, numbers, lists and records as they are, names of other steps as {"step"},
// calls as {"call", "arguments"}, `each` as {"each"}, `[column]` as {"field"}, everything else as {"kind"}.
import { readFileSync } from "node:fs";
import PQP from "@microsoft/powerquery-parser";

const items = (wrapper) => wrapper.elements.map((one) => one.node ?? one);
const text = (literal) => literal.slice(1, -1).replaceAll('""', '"');
const name = (literal) => (literal.startsWith('#"') ? text(literal.slice(1)) : literal);

function call(node, steps) {
  const [invoke, ...further] = node.recursiveExpressions.elements;
  if (further.length || invoke.kind !== "InvokeExpression") return { kind: node.kind };
  return { call: node.head.identifier.literal, arguments: items(invoke.content).map((one) => value(one, steps)) };
}

function value(node, steps) {
  switch (node.kind) {
    case "LiteralExpression":
      return node.literalKind === "Text" ? text(node.literal) : JSON.parse(node.literal);
    case "IdentifierExpression":
      return steps.has(name(node.identifier.literal)) ? { step: name(node.identifier.literal) } : { name: node.identifier.literal };
    case "ListExpression":
      return items(node.content).map((one) => value(one, steps));
    case "RecordExpression":
      return Object.fromEntries(items(node.content).map((one) => [name(one.key.literal), value(one.value, steps)]));
    case "RecursivePrimaryExpression":
      return call(node, steps);
    case "EachExpression":
      return { each: value(node.paired, steps) };
    case "FieldSelector":
      return { field: name(node.content.literal) };
    default:
      return { kind: node.kind };
  }
}

const task = await PQP.TaskUtils.tryLexParse(PQP.DefaultSettings, readFileSync(0, "utf8"));
if (!PQP.TaskUtils.isOk(task)) {
  console.error(task.error.message);
  process.exit(1);
}
const pairs = items(task.ast.variableList);
const steps = new Set(pairs.map((one) => name(one.key.literal)));
const read = pairs.map((one) => [name(one.key.literal), value(one.value, steps)]);
console.log(JSON.stringify({ in: value(task.ast.expression, steps), steps: Object.fromEntries(read) }));
