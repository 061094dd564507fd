"""The script of the HTML pages: it hides rows that do not match, and copies commands; a page is complete without it."""

from __future__ import annotations

SCRIPT = """
'use strict';
(() => {
  const at = id => document.getElementById(id);
  const all = selector => [...document.querySelectorAll(selector)];
  const copy = async (button, command) => {
    const selection = getSelection();
    selection.selectAllChildren(command);
    try { await navigator.clipboard.writeText(command.textContent); }
    catch { if (!document.execCommand('copy')) return; }
    const label = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 1500);
  };
  for (const button of all('button.copy')) {
    button.addEventListener('click', () => copy(button, button.previousElementSibling));
    button.hidden = false;
  }
  if (!at('filters')) return;
  const rows = all('article').map(element => (
    { element, data: element.dataset, text: element.textContent.toLowerCase() }));
  const groups = all('.group');
  const folds = all('details.fold').map(element => ({ element, open: element.open }));
  const show = () => {
    const words = at('find').value.toLowerCase().split(/\\s+/).filter(Boolean);
    const status = at('status').value, category = at('category').value;
    const narrowed = words.length > 0 || status !== '' || category !== '';
    let count = 0;
    for (const { element, data, text } of rows) {
      const wanted = (!status || data.status === status) && (!category || data.category === category)
        && words.every(word => text.includes(word));
      element.hidden = !wanted;
      count += wanted;
    }
    for (const group of groups) group.hidden = !group.querySelector('article:not([hidden])');
    for (const { element, open } of folds) element.open = narrowed ? true : open;
    at('shown').textContent = count + ' / ' + rows.length;
  };
  for (const id of ['find', 'status', 'category']) at(id).addEventListener('input', show);
  at('filters').hidden = false;
  show();
})();
"""
