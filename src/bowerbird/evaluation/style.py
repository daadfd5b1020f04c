"""The look of the report page: one style sheet, light and dark, from a phone to a wide screen.

The series colours are Okabe & Ito's, made darker on light and lighter on dark until each can carry
text (contrast ≥ 4.5); they stay apart for the common kinds of colour blindness.
"""

STYLE = """
:root { color-scheme: light dark;
  --page: #fbfbfa; --card: #fff; --ink: #1c1e21; --quiet: #5d646c; --rule: #e3e5e8; --grid: #e9ebee;
  --c0: #0067a3; --c1: #b34c00; --c2: #00765a; --c3: #a03d78;
  --c4: #7a6200; --c5: #5746af; --c6: #1f7a8c; --c7: #555b61; --up: #00704f; --down: #b3261e; }
@media (prefers-color-scheme: dark) { :root {
  --page: #131517; --card: #1a1d20; --ink: #e9ebed; --quiet: #a0a8b0; --rule: #2e3338;
  --grid: #2a2f34;
  --c0: #64b9f0; --c1: #f0a04b; --c2: #3fcfa3; --c3: #e79cc6;
  --c4: #e8dc5a; --c5: #b7a6ff; --c6: #6fd0df; --c7: #b9bfc5; --up: #4fd1a5; --down: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem;
  padding: clamp(1.25rem, 4vw, 3.5rem) clamp(1rem, 4vw, 3rem);
  background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { margin: 0 0 .4rem; font-size: clamp(1.5rem, 3.5vw, 2.1rem); line-height: 1.2;
  letter-spacing: -.015em; text-wrap: balance; overflow-wrap: anywhere; }
h2 { margin: 3.2rem 0 .5rem; font-size: 1.22rem; letter-spacing: -.01em; }
h3 { margin: 0 0 .6rem; font-size: .98rem; overflow-wrap: anywhere; }
p { max-width: 46rem; margin: .4rem 0 1rem; }
.headline { font-size: 1.12rem; max-width: 50rem; overflow-wrap: anywhere; }
.stack .card { margin-bottom: 1rem; }
.note, figcaption { color: var(--quiet); font-size: .875rem; }
.cards { display: grid; gap: 1.25rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); }
.card, figure { margin: 0; padding: 1.1rem 1.2rem; min-width: 0; background: var(--card);
  border: 1px solid var(--rule); border-radius: 10px; }
figcaption { margin-top: .5rem; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--rule);
  border-radius: 10px; margin: 0 0 1rem; }
.scroll:focus-visible { outline: 2px solid var(--c0); outline-offset: 2px; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .5rem .85rem; text-align: right; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid var(--rule); }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--quiet); font-weight: 550; font-size: .84rem; vertical-align: bottom; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--card); }
tbody th { font-weight: 600; min-width: 5.5rem; max-width: 12rem; white-space: normal;
  overflow-wrap: break-word; }
th small { display: block; font-weight: 400; color: var(--quiet); }
td small { display: block; color: var(--quiet); font-size: .78rem; line-height: 1.4; }
td .up, td .down { font-weight: 600; } td .up { color: var(--up); }
td .down { color: var(--down); } td.best { font-weight: 700; }
.words td, .words th { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.words td { min-width: 9rem; }
.beside { table-layout: fixed; }
.beside td, .beside th { text-align: left; white-space: normal; overflow-wrap: anywhere;
  padding: .3rem .6rem; } .card .scroll { margin-bottom: .5rem; }
.card > :last-child { margin-bottom: 0; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr));
  gap: 0 2.5rem; margin: 0; font-size: .9rem; }
dl div { padding: .45rem 0; border-bottom: 1px solid var(--rule); }
dt { color: var(--quiet); font-size: .8rem; } dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--quiet); font-size: .9rem; }
details { margin: .6rem 0 1rem; } details dl { margin-top: .4rem; }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 0 0 1rem; padding: 0;
  list-style: none; font-size: .9rem; }
.key li { display: inline-flex; gap: .45rem; align-items: center; overflow-wrap: anywhere; }
.plot { display: block; width: 100%; height: auto; max-width: 34rem; margin: 0 auto;
  font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
.plot text { fill: var(--quiet); } .plot .name { font-weight: 600;
  paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
.grid { stroke: var(--grid); } .even { stroke: var(--quiet); stroke-dasharray: 3 4; }
.range { stroke: var(--rule); stroke-width: 3; stroke-linecap: round; }
.bar { stroke-width: 3; stroke-linecap: round; opacity: .55; } .lead { stroke-opacity: .6; }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
.mark, .dot { stroke: var(--card); stroke-width: 1; } .ring { fill: var(--card); stroke-width: 2; }
.lights { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  margin: 0 0 .8rem; padding: .7rem 1.1rem; }
.lights summary { color: inherit; overflow-wrap: anywhere; }
.lights .scroll { margin: .8rem 0 .4rem; }
.told tbody th { min-width: clamp(8rem, 24vw, 15rem); max-width: 16rem; }
.told td:last-child { min-width: 17rem; }
.light { white-space: nowrap; font-weight: 600; } .light.well { color: var(--up); }
.light.ill { color: var(--down); } .light.watched { color: var(--quiet); font-weight: 400; }
footer { margin-top: 3rem; color: var(--quiet); font-size: .85rem; }
@media print { body { max-width: none; } figure, .card, tr { break-inside: avoid; } }
""" + "\n".join(
    f".mark.s{c}, .dot.s{c} {{ fill: var(--c{c}); }}"
    f" line.s{c}, .curve.s{c}, .ring.s{c} {{ stroke: var(--c{c}); }}"
    f" .plot .t{c} {{ fill: var(--c{c}); }}"
    for c in range(8)
)
"""The whole style sheet, to stand inside the page: no font, picture or script is fetched."""
