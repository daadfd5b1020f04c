"""Charts: places that are known, in a real browser."""

from consoles import settled

DRAWN = """async () => {
  const { bars, interval, lines, points, ticks } = await import("/console/chart.js");
  const day = (n) => `day ${n}`, told = (x) => x === null ? "none" : x.toFixed(2);
  const main = document.getElementById("main");
  main.replaceChildren(
    interval(-0.5, 0.5, 1, [-1, 1], "half"), bars([0, 1, 2], "three"),
    lines("Clicks", { xs: [0, 1, 2, 3], across: day, up: told, series: [
      { name: "a", ys: [0, 1, null, 2], lows: [0, 0.5, null, 1], highs: [1, 2, null, 3] },
      { name: "b", ys: [1, 1, 1, 1] }] }),
    points("Frontier", { all: [{ x: 0.1, y: 1, name: "ease", kind: "runs" },
      { x: 0.2, y: 2, name: "als", kind: "dial", path: true },
      { x: 0.4, y: 1.5, name: "dialled", kind: "dial", path: true, marked: true }],
      across: { name: "coverage", words: told }, up: { name: "NDCG", words: told } }));
  return [ticks(0, 10), ticks(0, 0.07), ticks(-1, 1, 4), ticks(3, 3)];
}"""


def test_places_are_round_and_figures_stand_where_they_belong(shop, page):
    page.goto(f"{shop.url}/#/models")
    settled(page)
    assert page.evaluate(DRAWN) == [
        [0, 2, 4, 6, 8, 10], [0, 0.02, 0.04, 0.06], [-1, -0.5, 0, 0.5, 1], [3],
    ]  # fmt: skip
    half = page.locator("svg[aria-label=half]")
    assert float(half.locator("circle").get_attribute("cx")) == 4 + 0.75 * 152
    assert float(half.locator(".whisker").get_attribute("x1")) == 4 + 0.25 * 152
    heights = page.locator(".bars rect").evaluate_all(
        "all => all.map(r => +r.getAttribute('height'))"
    )
    assert heights == [0, 12, 24]
    figure = page.locator("figure", has=page.get_by_role("group", name="Clicks"))
    figure.locator("svg").wait_for()
    assert figure.locator("polyline").count() == 3  # a gap where nothing is known
    assert figure.locator("polygon").count() == 1  # a band needs two places
    figure.locator(".chart").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert figure.get_by_role("status").inner_text() == "day 1 · a 1.00 · b 1.00"
    page.keyboard.press("ArrowRight")
    assert "a none" in figure.get_by_role("status").inner_text()
    assert page.locator(".marked .name").text_content() == "dialled"
    assert figure.locator(".grid").count() == figure.locator("[text-anchor=end]").count() == 4
    assert page.locator(".c1 polyline, polyline.c1").count() == 2
