// What is wrong with where things stand on a page, one line for each fault; none on a sound page.
// Boxes and lines of text are measured, so that it sees what a reader sees, whatever the style says.
() => {
  const SLACK = 1; // boxes stand on fractions of a pixel
  const OUT_OF_SIGHT = ".skip, .visually-hidden"; // for readers by ear, on purpose
  const faults = new Set();
  const shown = (one) =>
    one.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true }) &&
    !one.closest(OUT_OF_SIGHT);
  const style = (one) => getComputedStyle(one);
  const box = (one) => one.getBoundingClientRect();
  const inPicture = (one) => one.ownerSVGElement !== undefined && one.ownerSVGElement !== null;
  const isInline = (one) => ["inline", "contents"].includes(style(one).display);
  const inFlow = (one) => !["absolute", "fixed"].includes(style(one).position);
  const scrolls = (one) => ["auto", "scroll"].includes(style(one).overflowX);
  const name = (one) => {
    const label = one.id || one.getAttribute("aria-labelledby") || one.getAttribute("class");
    return one.localName + (label ? ` ${label}` : "");
  };
  const across = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > SLACK;
  const along = (a, b) => Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > SLACK;

  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.add("the page scrolls sideways");

  // A box inside the box of its parent, beside its sisters; what scrolls may be wider inside.
  const boxes = [...document.body.querySelectorAll("*")].filter(
    (one) => shown(one) && !inPicture(one) && !isInline(one) && box(one).width && box(one).height,
  );
  const sisters = new Map();
  for (const one of boxes) {
    let parent = one.parentElement;
    while (parent !== document.body && isInline(parent)) parent = parent.parentElement;
    const inner = box(one);
    const outer = box(parent);
    const aside = inner.left < outer.left - SLACK || inner.right > outer.right + SLACK;
    const beyond = inner.top < outer.top - SLACK || inner.bottom > outer.bottom + SLACK;
    if ((aside && !scrolls(parent)) || beyond) faults.add(`${name(one)} leaves ${name(parent)}`);
    if (style(one).overflowX !== "visible" && one.scrollHeight > one.clientHeight + SLACK)
      faults.add(`${name(one)} is cut or scrolls downwards`);
    if (inFlow(one)) sisters.set(parent, [...(sisters.get(parent) ?? []), one]);
  }
  for (const all of sisters.values())
    all.forEach((one, at) => {
      for (const other of all.slice(at + 1))
        if (across(box(one), box(other)) && along(box(one), box(other)))
          faults.add(`${name(other)} overlaps ${name(one)}`);
    });

  // The lines of text: each inside its box, none upon another.
  const lines = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const parent = node.parentElement;
    if (!node.data.trim() || !shown(parent)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const says = node.data.trim().replace(/\s+/g, " ").slice(0, 40);
    const drawn = inPicture(parent) ? parent.ownerSVGElement : null;
    let holder = parent;
    while (!drawn && isInline(holder)) holder = holder.parentElement;
    const room = box(drawn ?? holder);
    const lineHeight = parseFloat(style(parent).lineHeight) || Infinity;
    for (const line of drawn ? [box(parent)] : range.getClientRects()) {
      if (line.width < SLACK || line.height < SLACK) continue;
      // Letters have room above and below, in which nothing is drawn; lines may share it.
      const spare = Math.max(line.height - lineHeight, 0) / 2;
      const middle = { left: line.left, right: line.right,
                       top: line.top + line.height / 5, bottom: line.bottom - line.height / 5 };
      if (line.left < room.left - SLACK || line.right > room.right + SLACK ||
          line.top < room.top - spare - SLACK || line.bottom > room.bottom + spare + SLACK)
        faults.add(`“${says}” leaves ${name(drawn ?? holder)}`);
      lines.push({ node, says, ...middle });
    }
  }
  lines.sort((one, other) => one.top - other.top);
  lines.forEach((one, at) => {
    for (let next = at + 1; next < lines.length && lines[next].top < one.bottom; next += 1) {
      const other = lines[next];
      if (one.node !== other.node && across(one, other) && along(one, other))
        faults.add(`“${one.says}” and “${other.says}” overlap`);
    }
  });
  return [...faults];
}
