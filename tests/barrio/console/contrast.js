// WCAG 2.2, 1.4.3: 4.5 to 1 for text, 3 to 1 where it is large. Returns the texts of a page that have less.
() => {
  const rgb = (text) => { const found = text.match(/[\d.]+/g).map(Number); return [...found.slice(0, 3), found[3] ?? 1]; };
  const light = (one) => one.slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => {
    for (let up = one; up; up = up.parentElement) {
      const found = rgb(getComputedStyle(up).backgroundColor);
      if (found[3] === 1) return found;
    }
    return [255, 255, 255, 1];
  };
  const found = [];
  const walk = document.createTreeWalker(document.getElementById('app'), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !one.getClientRects().length || one.closest('option')) continue;
    const style = getComputedStyle(one);
    const ink = rgb(one.ownerSVGElement ? style.fill : style.color);
    if (ink[3] < 1 || style.fill.startsWith('url')) continue;
    const [high, low] = [light(ink), light(behind(one))].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${one.tagName} ${one.className} ${walk.currentNode.textContent.trim().slice(0, 40)}`);
  }
  return found;
}
