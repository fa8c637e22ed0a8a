"""The page and the files of `edge-bench report`, the page in a real browser: `make test-report`."""

import json
import re
import shutil
import struct
import sys
import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

pytest.importorskip("vl_convert", reason="vl-convert is not installed (make test-report)")

from edge_runtime.cli import cli
from edge_runtime.results import document
from edge_runtime.results.profile import Operator, Profile
from edge_runtime.results.sustained import Bin, Sustained

AXE = Path(__file__).resolve().parents[2] / "build" / "axe-core" / "axe.min.js"
HOSTILE = "</script><img src=x onerror=document.title='owned'><script>document.title='owned'//"
QUOTES = """"'><svg onload="document.title='owned'">&lt;\u202e"""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def everything(results):
    """Results with each kind of chart, of a model and an operator with hostile names."""
    bins = tuple(
        Bin(60.0 * n, 60.0, 600 - 9 * n, 1e6, 2e6, n, 10**9, 50.0 + n, 3.0, n > 2) for n in range(5)
    )
    operators = tuple(Operator(f"{QUOTES}{n}", HOSTILE, 1e5 / n, 1, 9, True) for n in range(1, 20))
    rows = [replace(row, model=HOSTILE, file=f"{QUOTES}{row.file}") for row in results.rows]
    rows[0] = replace(rows[0], profile=Profile(operators, 1e6), sustained=Sustained(30.0, bins))
    rows[1] = replace(rows[1], model="another", bundle=QUOTES)
    one = rows[2]
    more = tuple(replace(t, samples_ns=tuple(s + i for i, s in enumerate(t.samples_ns)))
                 for t in one.turns)  # fmt: skip
    sweep = [replace(one, batch_size=b, threads=t, turns=more) for b in (1, 8) for t in (1, 2)]
    settings = replace(results.settings, threads=(1, 2), batch_sizes=(1, 8))
    return replace(results, rows=(*rows[:2], *sweep, *rows[3:]), settings=settings)


@pytest.fixture(scope="module")
def file(everything, tmp_path_factory):
    """One file with everything."""
    path = tmp_path_factory.mktemp("results") / "results.json"
    document.write(everything, path)
    return path


@pytest.fixture(scope="module")
def page(file, tmp_path_factory):
    """The page of two files, and where it lies."""
    out = tmp_path_factory.mktemp("page") / "report.html"
    other = shutil.copy(file, file.with_name("<b>other.json"))
    report(file, other, "--output", "html", "-o", out)
    return out


def report(*arguments, code=0):
    """Run the command, and return what it printed."""
    done = CliRunner().invoke(cli, ["report", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed (make test-report)")
    with api.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def opened(browser, page):
    """Open the page with some options of a browser's context; returns it and what went wrong."""
    contexts = []

    def call(**options):
        contexts.append(browser.new_context(**options))
        tab = contexts[-1].new_page()
        wrong = []
        tab.on("console", lambda line: wrong.append(line.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("request", lambda r: None if r.url == page.as_uri() else wrong.append(r.url))
        tab.goto(page.as_uri())
        return tab, wrong

    yield call
    for context in contexts:
        context.close()


SECTIONS = ["files", "latency", "tradeoff", "scaling", "startup", "sustained", "operators"]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_verdict_tables_and_charts_are_there_with_and_without_javascript(opened, script):
    tab, wrong = opened(java_script_enabled=script)
    assert not wrong
    sections = tab.locator("main section[id]")
    names = [sections.nth(n).get_attribute("id") for n in range(sections.count())]
    assert names == ["verdict", "table", *SECTIONS]
    assert tab.locator(".card .grade").all_inner_texts() == ["✕\nINVALID"] * 2
    assert tab.locator("#table table").count() >= 2
    charts = tab.locator("figure .chart svg")
    assert charts.count() > 20
    for n in range(charts.count()):
        assert charts.nth(n).locator(".role-mark path[d]").count() > 0
        assert charts.nth(n).is_visible()


def test_every_sample_is_a_point(page, everything):
    first = re.search(r'<figure id="latency-0">.*?</figure>', page.read_text(), re.DOTALL)[0]
    paths = re.findall(r'samples_0_marks"[^>]*><path[^>]* d="([^"]*)"', first)
    counts = [row.sample_count for row in everything.rows if row.ran]
    assert [path.count("Z") for path in paths] == counts


def test_a_hostile_name_is_shown_and_does_nothing(opened):
    tab, wrong = opened()
    assert not wrong and tab.title() != "owned" and HOSTILE in tab.title()
    assert tab.locator("img").count() == 0
    assert tab.evaluate("document.querySelectorAll('script').length") == 2
    assert tab.evaluate("document.querySelectorAll('svg[onload], [onerror]').length") == 0
    assert HOSTILE in tab.locator("#table table").first.inner_text()
    assert tab.locator("b", has_text="other").count() == 0
    assert "\\u202e" in tab.locator("#table").inner_text()


def test_hovering_says_which_sample_and_which_settings(opened):
    tab, wrong = opened(viewport={"width": 1200, "height": 900})
    path = tab.locator('#latency-0 [class*=" samples_"] > path').first
    path.scroll_into_view_if_needed()
    x, y = path.evaluate(
        """path => { const [x, y] = path.getAttribute("d").match(/[\\d.]+/g).map(Number);
        const m = path.getScreenCTM(); return [m.a * x + m.e, m.d * y + m.f]; }"""
    )
    tab.mouse.move(x, y)
    said = tab.locator("#tip").inner_text()
    assert re.search(r"^3\.960 ms, round 1, sample \d+$", said, re.MULTILINE)
    assert "torch 1.0, batch 1, 1 thread" in said
    tab.mouse.move(1, 1)
    assert tab.locator("#tip").is_hidden()
    tab.locator('#tradeoff-0 [class*=" points_"] path').last.hover()
    assert "latency 1.00 ms" in tab.locator("#tip").inner_text()
    assert not wrong


@pytest.mark.parametrize("width", [320, 400, 800, 1400])
def test_nothing_is_wider_than_the_page(opened, width):
    tab, _ = opened(viewport={"width": width, "height": 900})
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    wide = tab.evaluate(
        """() => [...document.querySelectorAll('figure, .card, nav, .scroll, h1')]
        .filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.id)"""
    )
    assert wide == []


def test_text_in_charts_can_be_read_on_a_phone(opened):
    tab, _ = opened(viewport={"width": 400, "height": 800})
    sizes = tab.evaluate(
        """() => [...document.querySelectorAll('.chart text')].map(
        t => { const m = t.getScreenCTM();
        return parseFloat(t.getAttribute('font-size')) * Math.hypot(m.a, m.b); })"""
    )
    assert min(sizes) > 8


def test_on_a4_nothing_is_cut_off(opened):
    tab, _ = opened(viewport={"width": 695, "height": 1000})  # A4 less its margins, at 96 a inch
    tab.emulate_media(media="print")
    cut = tab.evaluate(
        """() => [...document.querySelectorAll('table, figure')]
        .filter(e => e.getBoundingClientRect().right > 696).length"""
    )
    assert cut == 0
    pdf = tab.pdf(prefer_css_page_size=True)
    assert re.search(rb"/MediaBox \[0 0 59[45][.\d]* 84[12][.\d]*\]", pdf)


def test_a_dark_page_has_light_text_and_axes(opened):
    script = "e => getComputedStyle(e).%s"
    shown = {}
    for scheme in ("light", "dark"):
        tab, _ = opened(color_scheme=scheme)
        ground = tab.locator("body").evaluate(script % "backgroundColor")
        axis = tab.locator(".chart .role-axis-label text").first.evaluate(script % "fill")
        shown[scheme] = [sum(map(int, re.findall(r"\d+", c))) for c in (ground, axis)]
    assert shown["light"][0] > 600 > shown["light"][1]
    assert shown["dark"][0] < 150 < shown["dark"][1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser, page, scheme):
    if not AXE.exists():
        pytest.skip("axe-core is not there (make test-report)")
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    tab = context.new_page()
    tab.goto(page.as_uri())
    tab.add_script_tag(path=AXE)
    found = tab.evaluate("axe.run()")
    told = [(v["id"], v["nodes"][0]["html"][:200]) for v in found["violations"]]
    assert told == [] and len(found["passes"]) > 20
    context.close()


def test_the_page_allows_no_network_and_one_script(page):
    text = page.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; img-src data:")
    assert "unsafe-eval" not in policy and "script-src 'sha256-" in policy
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?https?:""", text)


def test_samples_in_the_page_are_those_of_the_file(page, everything):
    content = re.search(r'id="samples">(.*?)</script>', page.read_text(), re.DOTALL)[1]
    kept = json.loads(content)["latency-0"]
    assert [sorted(ns for _, _, ns in row) for row in kept] == [
        sorted(row.calls_ns) for row in everything.rows if row.ran
    ]


@pytest.mark.parametrize("output", ["svg", "png"])
def test_a_file_a_chart_for_papers(file, tmp_path, output):
    said = report(file, "--output", output, "-o", tmp_path / "charts")
    files = sorted((tmp_path / "charts").iterdir())
    assert f"{len(files)} charts in" in said
    assert {"latency", "accuracy-latency", "memory"} <= {path.stem for path in files}
    for path in files:
        if output == "svg":
            root = ElementTree.parse(path).getroot()
            assert root.tag == f"{SVG}svg" and root.find(f".//{SVG}path[@d]") is not None
            assert root.find(f"{SVG}rect[@fill='white']") is not None
            assert not list(root.iter(f"{SVG}script"))
        else:
            header = path.read_bytes()[:24]
            assert header[1:4] == b"PNG" and struct.unpack(">I", header[16:20])[0] > 1000


def test_files_of_charts_need_a_folder(file):
    assert "-o charts" in report(file, "--output", "svg", code=2)


def test_several_files_are_not_one_table(file):
    assert "edge-bench compare" in report(file, file, code=2)


def test_any_output_goes_to_a_file(file, tmp_path):
    report(file, "--output", "csv", "-o", tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_text() == report(file, "--output", "csv")


def test_the_verdict_counts_for_every_file(file):
    assert "--require valid" in report(file, "--output", "html", "--require", "valid", code=1)


def test_without_vl_convert_it_says_how_to_install_it(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    said = report(file, "--output", "html", code=1)
    assert said == (
        "Error: charts need vl-convert, which is not installed: pip install 'cifarq[report]'\n"
    )


def test_200_files_are_drawn_in_10_s_and_3_mb(results, tmp_path):
    file = tmp_path / "0.json"
    document.write(results, file)
    files = [file, *(shutil.copy(file, tmp_path / f"{n}.json") for n in range(1, 200))]
    out = tmp_path / "report.html"
    started = time.process_time()
    report(*files, "--output", "html", "-o", out)
    # What others do on this machine is not counted.
    assert time.process_time() - started < 10
    assert out.stat().st_size < 3_000_000
    assert "the last 3 have charts of their own" in out.read_text()
