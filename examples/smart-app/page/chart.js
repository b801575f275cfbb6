// From observations to pictures.
const words = (code) => code?.text ?? code?.coding?.find((c) => c.display)?.display ?? code?.coding?.[0]?.code ?? 'unnamed';
const key = (code) => code?.coding?.[0] ? `${code.coding[0].system}|${code.coding[0].code}` : words(code);

// Values over time, one series for each code and unit. What was entered in error, and
// what has no number or no time, is not drawn.
export function series(observations) {
  const found = new Map();
  for (const o of observations) {
    const time = Date.parse(o.effectiveDateTime ?? o.effectiveInstant ?? o.effectivePeriod?.start ?? '');
    if (Number.isNaN(time) || o.status === 'entered-in-error' || o.status === 'cancelled') continue;
    for (const part of [o, ...(o.component ?? [])]) {
      const q = part.valueQuantity;
      if (typeof q?.value !== 'number' || q.comparator) continue;
      const id = `${key(part.code)} ${q.code ?? q.unit ?? ''}`;
      if (!found.has(id)) found.set(id, { name: words(part.code), unit: q.unit ?? q.code ?? '', points: [] });
      found.get(id).points.push({ time, value: q.value });
    }
  }
  return [...found.values()].map((s) => ({ ...s, points: s.points.sort((a, b) => a.time - b.time) }));
}

const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

// One series as SVG. Its title says in words what is drawn.
export function draw({ name, unit, points }, width = 640, height = 200) {
  const left = 56, right = 16, top = 12, bottom = 28;
  const span = (list) => { const low = Math.min(...list), high = Math.max(...list); return low === high ? [low - 1, high + 1] : [low, high]; };
  const [from, to] = span(points.map((p) => p.time)), [low, high] = span(points.map((p) => p.value));
  const x = (t) => (left + (t - from) / (to - from) * (width - left - right)).toFixed(1);
  const y = (v) => (height - bottom - (v - low) / (high - low) * (height - top - bottom)).toFixed(1);
  const day = (t) => new Date(t).toISOString().slice(0, 16).replace('T', ' ');
  const last = points.at(-1);
  const text = `${name}: ${points.length} values from ${day(points[0].time)} to ${day(last.time)}, the last ${last.value} ${unit}`;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(text)}"><title>${escaped(text)}</title>`
    + `<line x1="${left}" y1="${top}" x2="${left}" y2="${height - bottom}"/><line x1="${left}" y1="${height - bottom}" x2="${width - right}" y2="${height - bottom}"/>`
    + `<text x="4" y="${y(high)}">${escaped(+high.toPrecision(6))}</text><text x="4" y="${y(low)}">${escaped(+low.toPrecision(6))}</text>`
    + `<text x="${left}" y="${height - 8}">${escaped(day(points[0].time))}</text><text x="${width - right}" y="${height - 8}" text-anchor="end">${escaped(day(last.time))}</text>`
    + `<path d="M${points.map((p) => `${x(p.time)} ${y(p.value)}`).join('L')}"/>`
    + points.map((p) => `<circle cx="${x(p.time)}" cy="${y(p.value)}" r="3"/>`).join('') + '</svg>';
}

export const heading = ({ name, unit }) => (unit ? `${name} (${unit})` : name);
