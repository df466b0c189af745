// The tools that this server offers: a little mathematics. **This is the file to replace by yours.**
//
// A tool is a name, a description for the model that decides whether to call it, JSON Schema for what it takes and gives,
// and a function. Arguments are checked against the schema before the function is called.

import { Failed, scope, tool } from "./postern.js";

export { tools } from "./postern.js"; // What the server calls.

scope("math:basic", "Do arithmetic with numbers that you give it", { initial: true });
scope("math:statistics", "Summarise lists of numbers that you give it");

const number = { type: "number" };
const list = { type: "array", items: number, minItems: 1 };
const basic = { scopes: ["math:basic"], output: { result: number }, readOnly: true, openWorld: false };

tool(
  "add",
  { title: "Add", description: "Adds two numbers: a + b.", input: { a: number, b: number }, ...basic },
  ({ a, b }) => ({ result: a + b }),
);

tool(
  "divide",
  {
    title: "Divide",
    description: "Divides the first number by the second: a / b. b must not be 0.",
    input: { a: number, b: number },
    ...basic,
  },
  ({ a, b }) => {
    if (b === 0) throw new Failed("Division by zero.");
    return { result: a / b };
  },
);

tool(
  "square_root",
  {
    title: "Square root",
    description: "Gives the square root of a number that is not negative.",
    input: { number: { type: "number", minimum: 0 } },
    ...basic,
  },
  ({ number }) => ({ result: Math.sqrt(number) }),
);

tool(
  "statistics",
  {
    title: "Statistics",
    description: "Summarises a list of numbers: count, mean and median.",
    scopes: ["math:statistics"],
    input: { numbers: list },
    output: { count: { type: "integer" }, mean: number, median: number },
    readOnly: true,
    openWorld: false,
  },
  ({ numbers }) => {
    const sorted = numbers.toSorted((a, b) => a - b);
    const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    return { count: numbers.length, mean, median: low / 2 + high / 2 };
  },
);

tool(
  "sum_slowly",
  {
    title: "Sum step by step",
    description: "Adds up a list of numbers, and tells how far it is.",
    input: { numbers: list },
    ...basic,
  },
  async ({ numbers }, context) => {
    let total = 0;
    for (const [index, number] of numbers.entries()) {
      total += number;
      await context.progress(index + 1, numbers.length, `${total} so far`);
    }
    return { result: total };
  },
);

tool(
  "round_number",
  {
    title: "Round",
    description: "Rounds a number to as many digits as the person wants, who is asked.",
    input: { number },
    ...basic,
  },
  async ({ number }, context) => {
    const answer = await context.elicit("precision", `How precisely do you want ${number}?`, {
      digits: {
        type: "integer",
        description: "How many digits to keep after the point",
        minimum: 0,
        maximum: 10,
      },
    });
    if (!answer) throw new Failed("Nobody said how precisely.");
    return { result: Number(number.toFixed(answer.digits)) };
  },
);
