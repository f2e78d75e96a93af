import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { dataOf, rowsOf } from '../../../scripts/dashboard/data.ts';
import { exampleStack } from '../../../scripts/dashboard/example.ts';
import { readDashboard } from '../../../scripts/dashboard/read.ts';
import { lineOf } from '../../../scripts/dashboard/series.ts';
import { file, picture } from '../../../scripts/dashboard-picture.ts';

describe('the picture of the dashboard', () => {
  test('docs/dashboard.svg is the dashboard as the code has it now (if not: npm run dashboard-picture)', async () => {
    expect(picture()).toBe(await readFile(file, 'utf8'));
  });

  test('the picture has every question and every title as the dashboard has them, uncut', () => {
    const svg = picture().replaceAll(/<\/?tspan[^>]*>/g, '**');
    const texts = readDashboard(exampleStack()).widgets.map(({ properties: { title, markdown } }) => title ?? markdown);
    expect(texts.filter((text) => !svg.includes(`>${text}</text>`))).toEqual([]);
  });

  test('the picture is small, and has colours for light and dark pages', () => {
    expect(picture().length).toBeLessThan(60_000);
    expect(picture()).toContain('@media(prefers-color-scheme:dark)');
  });

  test('a metric, a search or a table without made-up data is refused, with the file that needs it', () => {
    const unknown = lineOf(['FegoraTokenBroker', 'New', 'service', 'x', { label: 'New', stat: 'Sum' }]);
    expect(() => dataOf(unknown)).toThrow('no data for «New Sum»: make some up in scripts/dashboard/data.ts');
    expect(() => rowsOf('Logins, by account', ['account'])).toThrow('rows of «Logins, by account» (account)');
    expect(() => lineOf([{ expression: 'm1 / m2', label: '' }])).toThrow('does not know the expression m1 / m2');
  });
});
