"""How numbers and dates stand in attributes, form fields and drawings: the same in every language.

What people read is written by the filters of `journal_format`, which know the language. Django's own formats would put
a decimal comma into the coordinates of a drawing and a date into `<input type="date">` that no browser takes.
"""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ""
NUMBER_GROUPING = 0
DATE_INPUT_FORMATS = ["%Y-%m-%d"]
TIME_INPUT_FORMATS = ["%H:%M:%S", "%H:%M:%S.%f", "%H:%M"]
DATETIME_INPUT_FORMATS = [
    f"{day}{between}{time}" for between in ("T", " ") for day in DATE_INPUT_FORMATS for time in TIME_INPUT_FORMATS
]
