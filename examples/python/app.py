"""The tools that this server offers: a little mathematics. **This is the file to replace by yours.**

A tool is a function. Its docstring is for the model that decides whether to call it; its type hints become the JSON Schema
that arguments are checked against before it is called.
"""

import math
import statistics as numbers_of
from dataclasses import dataclass
from typing import Annotated

from postern import Context, Failed, Tools as Tools, scope, tool  # `Tools` is what the server calls.

scope("math:basic", "Do arithmetic with numbers that you give it", initial=True)
scope("math:statistics", "Summarise lists of numbers that you give it")

NUMBERS = {"scopes": ["math:basic"], "read_only": True, "open_world": False}


@tool(title="Add", **NUMBERS)
def add(a: float, b: float) -> float:
    """Adds two numbers: a + b."""
    return a + b


@tool(title="Divide", **NUMBERS)
def divide(a: float, b: float) -> float:
    """Divides the first number by the second: a / b. b must not be 0."""
    if b == 0:
        raise Failed("Division by zero.")
    return a / b


@tool(title="Square root", **NUMBERS)
def square_root(number: Annotated[float, {"minimum": 0}]) -> float:
    """Gives the square root of a number that is not negative."""
    return math.sqrt(number)


@dataclass
class Summary:
    count: int
    mean: float
    median: float


@tool(title="Statistics", scopes=["math:statistics"], read_only=True, open_world=False)
def statistics(numbers: Annotated[list[float], {"minItems": 1}]) -> Summary:
    """Summarises a list of numbers: count, mean and median."""
    return Summary(len(numbers), numbers_of.fmean(numbers), numbers_of.median(numbers))


@tool(title="Sum step by step", **NUMBERS)
async def sum_slowly(numbers: list[float], context: Context) -> float:
    """Adds up a list of numbers, and tells how far it is."""
    total = 0.0
    for step, number in enumerate(numbers, start=1):
        total += number
        await context.progress(step, len(numbers), f"{total:g} so far")
    return total


@dataclass
class Precision:
    digits: Annotated[int, "How many digits to keep after the point", {"minimum": 0, "maximum": 10}]


@tool(title="Round", **NUMBERS)
def round_number(number: float, context: Context) -> float:
    """Rounds a number to as many digits as the person wants, who is asked."""
    answer = context.elicit("precision", f"How precisely do you want {number:g}?", Precision)
    if answer is None:
        raise Failed("Nobody said how precisely.")
    return round(number, answer.digits)
