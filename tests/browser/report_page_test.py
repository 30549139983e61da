"""Loads the HTML report of a real run in headless Chromium: what it shows, and that it asks for nothing.

  report_page_test.py CNNOPT SOURCE_FOLDER
"""
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "testing"))
from devtools import Page, find_chromium
from optional import leave_out

# The text of every table as {caption: [[cell, ...], ...]}, heads left out. Folded ones count too.
TABLES = """Object.fromEntries([...document.querySelectorAll('table')].map(table => [table.caption.textContent,
  [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent))]))"""
# Ratio of contrast between the text of an element and the card it stands on, as WCAG defines it.
CONTRAST = """(() => {
  const parts = color => color.match(/[0-9.]+/g).slice(0, 3).map(part => {
    const share = part / 255; return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4; });
  const light = color => { const [r, g, b] = parts(color); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const card = light(getComputedStyle(document.querySelector('section')).backgroundColor);
  return [...document.querySelectorAll('h2, p, dt, dd, td, th, caption, figcaption, summary')].map(element => {
    const text = light(getComputedStyle(element).color);
    return (Math.max(text, card) + 0.05) / (Math.min(text, card) + 0.05); }).reduce((a, b) => Math.min(a, b)); })()"""


def make_reports(cnnopt, source, folder):
    subprocess.run(
        [cnnopt, source + "/testdata/resnet.onnx", folder + "/out.onnx", "-q", "--target-macs=0.6", "--pass=dsc",
         "--calibration=" + source + "/testdata/cifar_samples.npy", "--report=" + folder + "/r.html",
         "--report=" + folder + "/r.json"], check=True, timeout=120)
    return json.loads(pathlib.Path(folder, "r.json").read_text(encoding="utf-8"))


def check_quiet(page):
    """No request but the page itself and what it holds, nothing refused by its policy, no word on the console."""
    asked = [facts["request"]["url"] for method, facts in page.events if method == "Network.requestWillBeSent"]
    assert len([url for url in asked if url.startswith("file:")]) == 1, asked
    assert all(url.startswith(("file:", "data:")) for url in asked), asked
    said = [event for event in page.events
            if event[0] in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")]
    assert not said, said


def check_content(page, report):
    assert page.evaluate("document.title") == "resnet.onnx → out.onnx"
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("document.querySelectorAll('h1').length") == 1
    headings = page.evaluate("[...document.querySelectorAll('h2')].map(heading => heading.textContent)")
    for heading in ("Result", "Cost of each layer", "Error against MACs", "Error of each slimmed layer", "Time",
                    "Worst samples", "All layers", "Run"):
        assert heading in headings, (heading, headings)
    links = page.evaluate("[...document.querySelectorAll('a')].map(link => link.getAttribute('href'))")
    assert links and all(link.startswith("#") for link in links), links
    assert page.evaluate("[...document.querySelectorAll('a')].every(a => document.getElementById(a.hash.slice(1)))")
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(ids) == len(set(ids)), ids

    tables = page.evaluate(TABLES)
    rows = tables["Every layer in the order of the network"]
    assert len(rows) == len(report["layers"]) > 10
    for row, layer in zip(rows, report["layers"]):
        assert row[0] == layer["name"] and row[1] == layer["was"], (row, layer)
        assert row[2].startswith(layer["now"] or "kept: " + layer["reason"]), (row, layer)
        assert row[5] == "%.3fx" % (layer["macs"]["after"] / layer["macs"]["before"]), (row, layer)
        assert row[8] == ("%.4f" % layer["weight_error"] if layer["now"] else ""), (row, layer)
    worst = tables["Relative output error of single samples"]
    assert worst == [[str(s["index"]), "%.4f" % s["relative_error"]] for s in report["worst_samples"]], worst
    curve = tables["Predicted error by cost"]
    assert len(curve) == len(report["curve"]["points"]) + 1  # and the plan that was chosen
    assert [row[2] for row in curve if row[3] == "chosen"] == ["%.4f" % report["curve"]["chosen"]["error"]]
    text = page.evaluate("document.body.innerText")
    assert "%.4f" % report["comparison"]["relative_error"] in text
    assert report["input"]["sha256"] in text


def check_accessible(page):
    charts = page.evaluate("""[...document.querySelectorAll('svg')].map(svg => [svg.getAttribute('role'),
      ...svg.getAttribute('aria-labelledby').split(' ').map(id => document.getElementById(id).textContent)])""")
    assert len(charts) == 4 and all(chart[0] == "img" and all(chart) for chart in charts), charts
    pictures = page.evaluate("[...document.images].map(image => [image.naturalWidth, image.alt])")
    assert len(pictures) == 6 and all(width == 32 and alt for width, alt in pictures), pictures
    page.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0  # now that it has the focus
    page.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def check_layout(page, width):
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # What does not fit scrolls in a frame of its own, which the keyboard reaches.
    assert page.evaluate("[...document.querySelectorAll('table')].every(table => table.parentElement.tabIndex === 0)")
    outside = page.evaluate("""[...document.querySelectorAll('svg text')].filter(text => {
      const box = text.getBoundingClientRect(); return box.left < 0 || box.right > innerWidth; }).length""")
    assert outside == 0, outside
    contrast = page.evaluate(CONTRAST)
    assert contrast >= 4.5, contrast


def main(cnnopt, source):
    chromium = find_chromium()
    if chromium is None:
        leave_out("chromium")
    with tempfile.TemporaryDirectory() as folder:
        report = make_reports(cnnopt, source, folder)
        page = Page(chromium)
        try:
            backgrounds = set()
            for scheme in ("light", "dark"):
                for width in (1280, 390):
                    page.show(folder + "/r.html", width, scheme)
                    check_layout(page, width)
                    check_quiet(page)
                    print("fine: %d pixels, %s" % (width, scheme))
                backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            assert len(backgrounds) == 2, backgrounds
            page.show(folder + "/r.html", 1280, "light")
            check_content(page, report)
            check_accessible(page)
            check_quiet(page)
        finally:
            page.close()


main(*sys.argv[1:])
