"""What the HTML report adds to the style of all pages (shared/terminal/html_page.py), and its print layout."""

from __future__ import annotations

STYLE = """
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px }
h1 { font-size: 24px; line-height: 1.25; margin: 0 } h2 { font-size: 17px; margin: 0 0 12px }
h3 { font-size: 14px; margin: 0 0 8px } p { margin: 0 }
code, pre { font-family: ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace }
.top { display: flex; gap: 12px 20px; align-items: center; justify-content: space-between; flex-wrap: wrap }
.overall { font-weight: 700; font-size: 18px; padding: 6px 16px; border-radius: 8px; border: 2px solid currentColor }
.EXCELLENT, .PASS { color: var(--pass) } .GOOD, .WARN { color: var(--warn) } .CRITICAL, .FAIL { color: var(--fail) }
.WARNING { color: var(--warn) } .ERROR { color: var(--error) } .SKIP { color: var(--skip) }
.GOOD.overall { color: var(--pass) }
.overall.partial { border-style: dashed } .EXCELLENT.partial, .GOOD.partial { color: var(--warn) }
p.hint { border-left: 3px solid var(--line); padding-left: 10px } p.partial { border-color: var(--warn) }
details.rest { margin: 6px 0 14px } details.rest ul { margin: 6px 0 0; padding-left: 22px }
summary { cursor: pointer }
summary:focus-visible, button:focus-visible, .wide:focus-visible { outline: 2px solid var(--bar) }
.fold > summary { font-size: 17px; font-weight: 700 } .fold h2 { font-size: 14px; margin: 18px 0 10px }
.id { color: var(--soft); font-size: 12.5px } .what > .id, .what > .soft { margin-left: 8px }
.what > .soft { font-size: 12.5px }
#filters { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: end; margin: 18px 0 0 }
#filters label { display: grid; gap: 2px; font-size: 12.5px; color: var(--soft) }
input, select, button { font: inherit; color: var(--text); background: var(--back); border: 1px solid var(--soft);
  border-radius: 6px; padding: 5px 10px; max-width: 100% } #shown { color: var(--soft); padding: 6px 0 }
.command { display: flex; gap: 8px; align-items: start; margin: 6px 0 0 } .command pre { flex: 1; margin: 0 }
button.copy { font-size: 13px; cursor: pointer; white-space: nowrap }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 10px 20px; margin: 18px 0 0 }
dt { color: var(--soft); font-size: 12.5px } dd { margin: 0 }
.counts { display: flex; flex-wrap: wrap; gap: 4px 26px; list-style: none; padding: 0; margin: 0 0 14px }
.counts b { font-size: 26px; line-height: 1.2; display: block; font-variant-numeric: tabular-nums }
.share { display: block; width: 100%; height: 12px; border-radius: 6px } .share rect, .bar rect { fill: currentColor }
.glance { display: grid; grid-template-columns: max-content 1fr; gap: 8px 18px; margin-top: 18px }
.glance div { display: flex; flex-wrap: wrap; gap: 5px; align-items: center }
.dot { width: 14px; height: 14px; display: block } .dot * { fill: currentColor }
ol.steps { margin: 0; padding-left: 24px } ol.steps li { margin: 0 0 12px } ol.steps li:last-child { margin: 0 }
pre { background: var(--code); border-radius: 6px; padding: 9px 12px; margin: 6px 0 0; font-size: 13px;
  white-space: pre-wrap }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 24px 36px }
.bars { display: grid; grid-template-columns: minmax(60px, max-content) 1fr max-content; gap: 6px 12px;
  align-items: center; font-size: 13.5px }
.bar { display: block; width: 100%; height: 14px; color: var(--bar) } .number { text-align: right }
.number, .seconds { font-variant-numeric: tabular-nums; white-space: nowrap }
.bars .beside { grid-column: 2 / -1; margin-top: -5px } .bar .mark { fill: var(--text) }
.figures .bar { height: 8px; margin: 2px 0; width: 180px } small { font-size: 12.5px }
.bar.WARN { color: var(--warn) } p.beside { margin-top: 6px }
.figures { display: flex; flex-wrap: wrap; gap: 8px 32px }
.bars + .figures, .bars + .bars, .beside + .figures, .beside + .bars { margin-top: 12px }
.figures b { font-size: 22px; display: block; line-height: 1.3 }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: 13.5px; min-width: 720px }
th { text-align: left; color: var(--soft); font-size: 12.5px; font-weight: 600 }
th, td { padding: 6px 12px 6px 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: normal }
td div { white-space: nowrap }
thead th { border-top: 0 } tr { break-inside: avoid } a { color: var(--bar) }
article { display: grid; grid-template-columns: 66px 1fr max-content; gap: 2px 14px; padding: 10px 0;
  border-top: 1px solid var(--line); break-inside: avoid }
article:first-of-type { border-top: 0; padding-top: 0 } article:last-of-type { padding-bottom: 0 }
.badge { font-weight: 700; font-size: 12px; letter-spacing: .03em; padding-top: 2px }
article p.hint { margin-top: 5px }
.seconds { color: var(--soft); font-size: 12.5px } footer { color: var(--soft); font-size: 12.5px; padding: 0 4px }
@media (max-width: 560px) { main { padding: 12px 10px } section, header { padding: 15px 14px }
  article { grid-template-columns: 1fr max-content } article .what { grid-column: 1 / -1; grid-row: 2 }
  .counts { gap: 4px 20px } .glance { grid-template-columns: 1fr; gap: 3px } .glance div { margin-bottom: 7px }
  dl { grid-template-columns: 1fr 1fr; gap: 8px 14px } }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 16px }
.columns { margin-top: 14px } .columns .overall { display: inline-block } .columns dl { margin-top: 12px }
article.change { grid-template-columns: 130px 1fr }
table.narrow { min-width: 0 } table.narrow td { overflow-wrap: anywhere }
.turn { white-space: nowrap }
@media print { #filters, button { display: none !important }
  :root { color-scheme: light; --back: #fff; --card: #fff; --line: #c9ccd1; --text: #000; --soft: #444;
  --code: #f2f2f2; --bar: #3d6fd6; --pass: #1a7f4b; --warn: #8f5300; --fail: #b02525; --error: #8d2084;
  --skip: #555 }
  body { font-size: 10.5pt } main { padding: 0; max-width: none } section, header { padding: 10px 0; border: 0;
  border-bottom: 1px solid var(--line); border-radius: 0 } h2, h3 { break-after: avoid; margin-bottom: 6px }
  dl { grid-template-columns: repeat(4, 1fr); gap: 4px 16px; margin-top: 8px } article { padding: 4px 0 }
  .glance { gap: 3px 18px; margin-top: 8px } .counts { margin-bottom: 6px } .bars { gap: 1px 12px } .bar { height: 9px }
  ol.steps li { margin-bottom: 5px } th, td { padding-top: 3px; padding-bottom: 3px }
  .charts > div, .glance, ol.steps li, header { break-inside: avoid } .charts { display: block }
  .charts > div + div { margin-top: 14px }
  .wide { overflow: visible } table { min-width: 0; font-size: 9pt } @page { margin: 15mm } }
"""
