declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** An embedded DynamoDB, in memory unless a path is given. */
  export default function dynalite(options?: {
    readonly path?: string;
    /** How long a new table is not yet active. Milliseconds. */
    readonly createTableMs?: number;
  }): Server;
}
