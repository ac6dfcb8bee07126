"""The table of false alarms, on records made by hand."""

from constrained_rcnn.evaluation.false_alarms import false_alarm_table
from constrained_rcnn.inference.untouched import Untouched


def records():
    """Forty files as they are and saved again: 4 called manipulated as they are, 2 of them and 6 others when saved."""
    examined = []
    for number in range(40):
        for variant, manipulated in (("as it is", number < 4), ("saved", number in (0, 1) or 20 <= number < 26)):
            kind = "large" if number < 20 else "small"
            copy_move = number == 7 and variant == "saved"
            examined.append(Untouched(f"{number}.jpg", variant, kind, 0.5, manipulated, copy_move, None))
    examined.append(Untouched("x.jpg", "as it is", "small", 0.5, False, True, "mostly one tone"))
    examined.append(Untouched("x.jpg", "saved", "tiny", 0.5, False, False, "a side below 64 pixels"))
    return examined


def rows_of(table):
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("|")]
    return {name: cells for name, *cells in lines[2:]}


def test_shares_by_variant_and_kind():
    table = false_alarm_table(records())
    rows = rows_of(table)
    assert list(rows) == ["as it is", "saved", "large", "small", "all"]
    shares = {name: (row[0], row[1], row[3]) for name, row in rows.items()}
    assert shares == {
        "as it is": ("40", "10.0", "0.0"),
        "saved": ("40", "20.0", "2.5"),
        "large": ("40", "15.0", "2.5"),  # 4 + 2 of 40
        "small": ("40", "15.0", "0.0"),
        "all": ("80", "15.0", "1.2"),
    }
    low, high = (float(x) for x in rows["all"][2].strip("[]").split(","))
    assert 3 < low < 15 < high < 30
    assert "8 of 40 files change their decision in at least one variant" in table
    assert "cannot be judged: 1 of 82: a side below 64 pixels" in table
    assert "cannot be judged: 1 of 82: mostly one tone" in table


def test_nothing_that_can_be_judged():
    table = false_alarm_table(records()[-2:])
    assert rows_of(table) == {"all": ["0", "nan", "", "nan"]}
    assert "0 of 0 files" in table and table.count("cannot be judged") == 2
