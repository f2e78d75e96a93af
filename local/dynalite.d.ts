// The types of dynalite, which has none of its own. Used by table.ts, by bench and by the tests.
declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** Creates an embedded DynamoDB. It keeps its tables in memory, or under `path`. */
  export default function dynalite(options?: {
    readonly path?: string;
    /** How long a new table takes to become active. Milliseconds. */
    readonly createTableMs?: number;
  }): Server;
}
