// Draws who calls whom. Called by diagrams.ts.
import { box, text } from '../dashboard/svg.ts';
import { arrow, frame, lines } from './canvas.ts';
import type { Label, Node, Texts } from './texts.ts';

const height = 316;
/** The middles of the three rows. */
const [top, middle, bottom] = [60, 166, 262];
const left = { x: 16, width: 190 };
const gateway = { x: 346, y: top - 30, width: 150, height: 60 };
const broker = { x: 346, y: 132, width: 190, height: 164 };
const right = { x: 674, width: 170 };

/** Returns the SVG text. */
export function drawFlow({ flow }: Texts): string {
  const beforeBroker = [left.x + left.width, broker.x] as const;
  const afterBroker = [broker.x + broker.width, right.x] as const;
  const login = broker.x + broker.width - 24;
  const node = (column: typeof left, y: number, content: Node) =>
    drawNode({ ...column, y: y - 30, height: 60 }, content);
  return frame(flow.title, height, [
    ...node(left, top, flow.callers),
    ...node(left, middle, flow.direct),
    ...node(left, bottom, flow.schedule),
    ...drawNode(gateway, flow.gateway),
    ...drawNode(broker, flow.broker, 'k', 'w'),
    ...node(right, top, flow.fegora),
    ...node(right, middle, flow.table),
    ...node(right, bottom, flow.secrets),
    ...labelled([beforeBroker[0], gateway.x], top, flow.signed),
    ...labelled(beforeBroker, middle, flow.invoked),
    ...labelled(beforeBroker, bottom, flow.events),
    ...labelled(afterBroker, middle, flow.shared, true),
    ...labelled(afterBroker, bottom, flow.credentials, true),
    ...arrow([
      [gateway.x + gateway.width / 2, gateway.y + gateway.height],
      [gateway.x + gateway.width / 2, broker.y],
    ]),
    ...arrow([
      [login, broker.y],
      [login, top],
      [right.x, top],
    ]),
    ...words([login, right.x], top, flow.login),
  ]);
}

type Rectangle = Parameters<typeof box>[0];

function drawNode(rectangle: Rectangle, [name, ...what]: Node, classes = 'n', ink = ''): string[] {
  const x = rectangle.x + rectangle.width / 2;
  const y = rectangle.y + rectangle.height / 2 - what.length * 8 + 4;
  const small = `l c ${ink === '' ? 'm' : ink}`;
  return [box(rectangle, classes, 6), text(x, y, name, `b c ${ink}`.trim()), ...lines(x, y + 17, what, small)];
}

/** A level arrow with its words. */
function labelled(span: readonly [number, number], y: number, label: Label, both = false): string[] {
  const [from, to] = span;
  const ends = [
    [from, y],
    [to, y],
  ] as const;
  return [...arrow(ends, both), ...words(span, y, label)];
}

function words([from, to]: readonly [number, number], y: number, [above, below]: Label): string[] {
  const x = (from + to) / 2;
  return [text(x, y - 7, above, 'l c'), ...(below === '' ? [] : [text(x, y + 17, below, 'l c')])];
}
