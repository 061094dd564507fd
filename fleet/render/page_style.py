"""What the page adds to the style of all pages (shared/terminal/html_page.py), and its script, which hides rows."""

from __future__ import annotations

STYLE = """
body { font-size: 14px; line-height: 1.45 }
main { max-width: 1400px; margin: 0 auto; padding: 24px 18px }
section, header { padding: 16px 20px; margin: 0 0 14px }
h1 { font-size: 22px; margin: 0 } h2 { font-size: 16px; margin: 0 0 10px } h3 { font-size: 13px; margin: 12px 0 4px }
p { margin: 4px 0 0 } .bad { color: var(--fail); font-weight: 600 }
.counts { display: flex; flex-wrap: wrap; gap: 4px 28px; list-style: none; padding: 0; margin: 12px 0 0 }
.counts b { font-size: 24px; display: block; font-variant-numeric: tabular-nums }
.CRITICAL, .FAIL { color: var(--fail) } .WARNING, .WARN, .ERROR { color: var(--warn) }
.GOOD, .EXCELLENT, .PASS { color: var(--pass) } .status { font-weight: 700 }
#filters { display: flex; flex-wrap: wrap; gap: 10px 14px; align-items: end; margin: 0 0 12px }
#filters label { display: grid; gap: 2px; font-size: 12.5px; color: var(--soft) }
input, select { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line);
  border-radius: 6px; padding: 5px 8px; max-width: 320px } #shown { margin-left: auto; color: var(--soft) }
.row { display: grid; gap: 2px 12px; padding: 6px 4px;
  grid-template-columns: minmax(0, 1.3fr) minmax(0, 1fr) minmax(0, 1fr) minmax(0, .8fr) 7em minmax(0, 2.6fr) 6em
  8.5em 4em }
.head { color: var(--soft); font-size: 12.5px; font-weight: 600; border-bottom: 1px solid var(--line) }
details.host { border-bottom: 1px solid var(--line); content-visibility: auto; contain-intrinsic-size: auto 33px }
summary { cursor: pointer; list-style: none } summary::-webkit-details-marker { display: none }
summary:hover, details[open] summary { background: var(--back) }
summary:focus-visible { outline: 2px solid var(--bar) }
.in { padding: 4px 14px 14px; border-left: 3px solid var(--bar); margin: 0 0 8px 4px }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); gap: 6px 18px; margin: 8px 0 0 }
dt { color: var(--soft); font-size: 12px } dd { margin: 0 } ul { margin: 0; padding-left: 20px }
table { border-collapse: collapse; width: 100% } th { text-align: left; color: var(--soft); font-size: 12.5px }
td, th { padding: 4px 12px 4px 0; border-top: 1px solid var(--line); vertical-align: top }
td:first-child { white-space: nowrap } thead th { border-top: 0 }
@media (max-width: 800px) { .head { display: none } .row { grid-template-columns: 1fr 1fr } }
@media print { :root { color-scheme: light; --back: #fff; --card: #fff; --text: #000; --soft: #444; --line: #c9ccd1 }
  #filters { display: none !important } details.host { content-visibility: visible; break-inside: avoid }
  main { max-width: none; padding: 0 } section, header { border: 0; border-radius: 0; padding: 8px 0 } }
"""

SCRIPT = """
'use strict';
(() => {
  const at = id => document.getElementById(id);
  const list = at('hosts');
  const hosts = [...list.querySelectorAll('details.host')].map(element => (
    { element, data: element.dataset, text: element.firstElementChild.textContent.toLowerCase() }));
  const show = () => {
    const words = at('find').value.toLowerCase().split(/\\s+/).filter(Boolean);
    const status = at('status').value, product = at('product').value, only = at('only').value;
    let count = 0;
    for (const { element, data, text } of hosts) {
      const wanted = (!status || data.status === status) && (!product || data.product === product)
        && (!only || data[only] === '1') && words.every(word => text.includes(word));
      element.hidden = !wanted;
      count += wanted;
    }
    at('shown').textContent = count + ' / ' + hosts.length;
  };
  const order = () => {
    const by = at('order').value;
    hosts.sort((a, b) => a.data[by] - b.data[by] || a.data.host - b.data.host);
    list.append(...hosts.map(host => host.element));
  };
  for (const id of ['find', 'status', 'product', 'only']) at(id).addEventListener('input', show);
  at('order').addEventListener('input', order);
  at('filters').hidden = false;
  show();
})();
"""
