"""The look of the page."""

CSS = """
:root { --ink: #1c2330; --soft: #5a6475; --line: #dfe3ea; --accent: #d55e00; --card: #ffffff;
  --page: #f5f6f8; --own: #fff4ec; --code: #eef0f4; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
header { background: #1c2330; color: #ffffff; padding: 2rem; }
header h1 { margin: 0 0 .3rem; font-size: 1.7rem; }
header p { margin: 0; color: #c5ccd8; }
main { max-width: 1380px; margin: 0 auto; padding: 1rem 2rem 3rem; }
nav a { color: #ffd9bd; text-decoration: none; }
nav { margin-top: .8rem; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
h2 { margin: 2.2rem 0 .8rem; font-size: 1.25rem; }
h3 { margin: 1.4rem 0 .5rem; font-size: 1.05rem; }
section > p { max-width: 80ch; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 1rem; margin-bottom: 1rem; overflow-x: auto; }
.tables { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 425px), 1fr)); }
.tables .card { margin: 0; }
#published .card { width: fit-content; max-width: 100%; }
.tables th, .tables td { padding: .3rem .45rem; }
.card h3 { margin: 0; }
.card > .note { margin: .1rem 0 .6rem; }
header code { background: none; padding: 0; color: #c5ccd8; }
.chips { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin: .3rem 0; max-width: none; }
.chip { color: var(--soft); font-size: .88rem; display: inline-flex; align-items: center;
  gap: .35rem; }
.chip i { width: 1rem; height: 1rem; border-radius: 3px; display: inline-block; }
.chip .scale { width: 8rem;
  background: linear-gradient(90deg, #000004, #57106e, #bc3754, #f98e09, #fcffa4); }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; }
.charts figure { margin: 0; background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; padding: .5rem; max-width: 100%; }
.charts svg { max-width: 100%; height: auto; display: block; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
tr.own td { background: var(--own); }
tr.ours td { background: var(--page); }
td.text { text-align: left; }
td.best { font-weight: 700; }
.note { color: var(--soft); font-size: .88rem; }
.frame { margin-bottom: 1.4rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); gap: .5rem; }
.panels figure { margin: 0; }
.panels img { width: 100%; display: block; border-radius: 4px; }
figcaption { color: var(--soft); font-size: .85rem; }
code { background: var(--code); padding: .1rem .3rem; border-radius: 4px; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ef; --soft: #9aa5b8; --line: #323b4c; --card: #1b212d; --page: #12161e;
    --own: #3a2a1e; --code: #262e3d; }
  header { background: #0b0e14; }
  .charts figure { background: #ffffff; }
}
@media (max-width: 640px) {
  header { padding: 1.2rem 1rem; }
  main { padding: .2rem .8rem 2rem; }
  .card { padding: .7rem; }
  .card th, .card td { padding: .3rem .3rem; font-size: .84rem; }
}
@media print { header { color: #000000; background: none; } nav { display: none; } }
"""
