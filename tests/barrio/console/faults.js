// What axe calls label, button-name, link-name, landmark-one-main, page-has-heading-one, html-has-lang, duplicate-id,
// scope-attr-valid and tabindex, in a few lines of our own: returns what is wrong with a page.
() => {
  const found = [];
  const named = (one) => (one.getAttribute('aria-label') || one.innerText || one.textContent || one.title || '').trim();
  const seen = (one) => one.getClientRects().length > 0;
  for (const one of document.querySelectorAll('input, select, textarea')) {
    if (seen(one) && !one.labels.length && !one.getAttribute('aria-label')) found.push(`no label: ${one.outerHTML.slice(0, 90)}`);
  }
  for (const one of document.querySelectorAll('button, a[href], summary, [role=slider], [role=button]')) {
    if (seen(one) && !named(one)) found.push(`no name: ${one.outerHTML.slice(0, 90)}`);
  }
  if (document.querySelectorAll('h1').length !== 1) found.push('not one h1');
  if (document.querySelectorAll('main').length !== 1) found.push('not one main');
  if (!document.querySelector('main h1')) found.push('h1 outside main');
  if (document.querySelector('main header.top')) found.push('the header is in main');
  if (!document.documentElement.lang) found.push('no language');
  const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) found.push(`twice: ${id}`);
  for (const one of document.querySelectorAll('table')) if (!one.querySelector('th[scope]')) found.push('a table without heads');
  for (const one of document.querySelectorAll('[tabindex]')) if (Number(one.getAttribute('tabindex')) > 0) found.push('tabindex above 0');
  for (const one of document.querySelectorAll('[aria-hidden=true] a[href], [aria-hidden=true] button')) found.push('hidden but focusable');
  return found;
}
