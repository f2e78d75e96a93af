// Draws the cold starts as an SVG picture. Called by main.ts.
import type { ContestantResult } from './results.ts';

const titles: Readonly<Record<string, string>> = {
  'broker, shared': 'this broker, token in the table',
  'broker, login': 'this broker, with the login',
  middy: '@middy/secrets-manager + oauth4webapi',
  sdk: 'AWS SDK + fetch',
  powertools: 'Powertools + simple-oauth2',
};

const width = 760;
const left = 330;
const rowHeight = 34;
const top = 56;

/** The SVG text: one bar for each contestant, as long as its time over the floor. Readable on light and dark pages. */
export function chart(cold: readonly ContestantResult[]): string {
  const bars = cold.filter(({ name }) => name in titles).toSorted((a, b) => a.over - b.over);
  const perMs = (width - left - 80) / Math.max(...bars.map(({ over }) => over));
  const height = top + bars.length * rowHeight + 12;
  const rows = bars.map(({ name, over }, at) => {
    const y = top + at * rowHeight;
    const colour = name.startsWith('broker') ? '#2f7d5b' : '#8a8f98';
    return [
      `<text x="${left - 12}" y="${y + 17}" text-anchor="end">${titles[name]}</text>`,
      `<rect x="${left}" y="${y}" width="${(over * perMs).toFixed(1)}" height="24" rx="3" fill="${colour}"/>`,
      `<text x="${(left + over * perMs + 8).toFixed(1)}" y="${y + 17}">${Math.round(over)} ms</text>`,
    ].join('\n  ');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
  <title id="title">Cold start to the first token, over a handler that returns a constant</title>
  <style>text { font: 14px system-ui, sans-serif; fill: #444 } @media (prefers-color-scheme: dark) { text { fill: #ccc } rect.p { fill: #161b22 } }</style>
  <rect width="${width}" height="${height}" rx="6" class="p" fill="#f6f8fa"/>
  <text x="12" y="28" font-weight="600">Cold start to the first token, over a handler that returns a constant (median)</text>
  ${rows.join('\n  ')}
</svg>
`;
}
