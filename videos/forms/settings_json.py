"""Reads the settings of a request: one JSON object that every database can store and every API can read."""

import json
import math

from videos.forms.fields import is_whole

LONGEST_CONFIG = 10_000
DEEPEST_CONFIG = 8
LARGEST_INTEGER = 2**53  # beyond it, JSON readers disagree about the number


class SettingsRefused(ValueError):
    """The settings are not one JSON object that can be stored and sent. `str(error)` is the sentence."""


def read_config(text: str) -> dict:
    """The JSON object in `text`; an empty text is an empty object. Raises SettingsRefused."""
    if not text.strip():
        return {}
    if len(text) > LONGEST_CONFIG:
        raise SettingsRefused(f"The settings are longer than {LONGEST_CONFIG:,} characters; shorten them.")
    try:
        value = json.loads(
            text, object_pairs_hook=each_key_once, parse_constant=refuse_constant, parse_float=finite, parse_int=exact
        )
    except json.JSONDecodeError as error:
        raise SettingsRefused(
            f"The settings are not valid JSON: something is wrong in line {error.lineno}, column {error.colno}."
        ) from error
    except RecursionError as error:
        raise SettingsRefused("The settings are nested too deeply; make them flatter.") from error
    check_inside(value)  # first: from Python 3.12 on, JSON itself refuses a depth only much later
    if not isinstance(value, dict):
        raise SettingsRefused('The settings must be one JSON object, such as {"duration": 8}.')
    return value


def each_key_once(pairs):
    value = {}
    for key, inner in pairs:
        if key in value:
            raise SettingsRefused("A key appears twice in the settings; keep one of them.")
        value[key] = inner
    return value


def refuse_constant(name):
    raise SettingsRefused(f"The settings contain {name}, which is not a number in JSON.")


def finite(digits):
    number = float(digits)
    if not math.isfinite(number):
        raise SettingsRefused("The settings contain a number that is too large.")
    return number


def exact(digits):
    if len(digits) > 17 or abs(int(digits)) > LARGEST_INTEGER:
        raise SettingsRefused("The settings contain a number that is too large.")
    return int(digits)


def check_inside(value, depth=1):
    """Refuses values that JSON allows and databases do not: NUL, halves of surrogate pairs, endless nesting."""
    if depth > DEEPEST_CONFIG:
        raise SettingsRefused("The settings are nested too deeply; make them flatter.")
    if isinstance(value, dict):
        for key, inner in value.items():
            check_inside(key, depth)
            check_inside(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check_inside(inner, depth + 1)
    elif isinstance(value, str) and ("\0" in value or not is_whole(value)):
        raise SettingsRefused("The settings contain a character that cannot be stored; remove it.")
