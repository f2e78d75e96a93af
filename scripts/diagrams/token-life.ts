// Draws the life of a token, by the rules of the broker and of the client. Called by diagrams.ts.
import { windowMs } from '../../client/token-cache.ts';
import { renewAgainMs } from '../../lambda/broker/login/lease-records.ts';
import { expiresAt, renewableFrom, servableUntil, type Token } from '../../lambda/broker/token.ts';
import { box, short, text } from '../dashboard/svg.ts';
import { frame, width } from './canvas.ts';
import type { Texts } from './texts.ts';

const minuteMs = 60_000;
const token: Token = { accessToken: '', fingerprint: '', issuedAt: 0, lifetimeMs: 30 * minuteMs, versionId: '' };
/** The times of the picture. Minutes since the token was issued. */
const end = expiresAt(token) / minuteMs;
const served = servableUntil(token) / minuteMs;
const renewed = renewableFrom(token, 0) / minuteMs;
const asksEarly = end - windowMs(token.lifetimeMs, 0) / minuteMs;
/** A made-up outage. It begins before the renewal is due, and ends while the token is still handed out. */
const outage = { from: 12, to: 26 };

const axis = { x: 136, end: width - 24 };
const bar = 24;
const height = 318;

function at(minute: number): number {
  return axis.x + (minute / end) * (axis.end - axis.x);
}

/** Returns the SVG text. */
export function drawTokenLife({ life }: Texts): string {
  return frame(life.title, height, [
    ...drawAxis(life.minutes),
    text(16, 26, life.well, 'b'),
    ...row(40, life.first, [
      ['k', 0, renewed, life.handedOut, 'w'],
      ['k2', renewed, served, life.window, 'd'],
      ['k3', served, end, '', ''],
    ]),
    ...row(70, life.next, [['k', renewed + 0.1, end, life.handedOut, 'w']]),
    ...row(100, life.client, [
      ['n', 0, asksEarly, life.cached, ''],
      ['k2', asksEarly, served, life.early, 'd'],
      ['k3', served, end, '', ''],
    ]),
    text(16, 162, life.down, 'b'),
    ...row(176, life.fegora, [['x', outage.from, outage.to, life.outage, 'r']]),
    ...row(206, life.first, [
      ['k', 0, renewed, life.handedOut, 'w'],
      ['k2', renewed, served, life.tries, 'd'],
      ['k3', served, end, '', ''],
    ]),
    ...tries(206 + bar + 4),
    ...row(246, life.next, [['k', outage.to + 0.1, end, '', 'w']]),
    text(at(served), 140, life.margin, 'l e m'),
    `<path class="t" d="M${short(at((served + end) / 2))} ${100 + bar}v8"/>`,
  ]);
}

type Part = readonly [classes: string, from: number, to: number, words: string, ink: string];

/** One bar, whose parts have words in them. */
function row(y: number, name: string, parts: readonly Part[]): string[] {
  return [
    text(axis.x - 10, y + 16, name, 'l e'),
    ...parts.flatMap(([classes, from, to, words, ink]) => [
      box({ x: at(from), y, width: at(to) - at(from) - 1, height: bar }, classes, 3),
      ...(words === '' ? [] : [text((at(from) + at(to)) / 2, y + 16, words, `l c ${ink}`.trim())]),
    ]),
  ];
}

/** A cross for each try that fails. */
function tries(y: number): string[] {
  const count = Math.ceil(((outage.to - renewed) * minuteMs) / renewAgainMs);
  return Array.from({ length: count }, (_, index) => {
    const x = at(renewed + 0.15 + (index * renewAgainMs) / minuteMs);
    return `<path class="f" d="M${short(x - 3)} ${y}l6 6m0 -6l-6 6"/>`;
  });
}

/** A line every 5 minutes. */
function drawAxis(minutes: string): string[] {
  const marks = Array.from({ length: end / 5 + 1 }, (_, index) => index * 5);
  return [
    ...marks.map((minute) => `<path class="t" d="M${short(at(minute))} 34V${height - 30}"/>`),
    ...marks.map((minute) => text(at(minute), height - 12, String(minute), 'l c m')),
    text(16, height - 12, minutes, 'l m'),
  ];
}
