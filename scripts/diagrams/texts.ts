// The words of the diagrams. One object for each language of the pages. Read by flow.ts and token-life.ts.

/** The words of one language. A list is lines below each other. */
export interface Texts {
  readonly flow: {
    readonly title: string;
    readonly callers: Node;
    readonly direct: Node;
    readonly schedule: Node;
    readonly gateway: Node;
    readonly broker: Node;
    readonly fegora: Node;
    readonly table: Node;
    readonly secrets: Node;
    readonly signed: Label;
    readonly invoked: Label;
    readonly events: Label;
    readonly login: Label;
    readonly shared: Label;
    readonly credentials: Label;
  };
  readonly life: {
    readonly title: string;
    readonly minutes: string;
    readonly well: string;
    readonly down: string;
    readonly first: string;
    readonly next: string;
    readonly client: string;
    readonly fegora: string;
    readonly handedOut: string;
    readonly window: string;
    readonly cached: string;
    readonly early: string;
    readonly margin: string;
    readonly outage: string;
    readonly tries: string;
  };
}

/** A name in bold, and what it is. */
export type Node = readonly [name: string, ...what: string[]];

/** What is above an arrow, and what is below it. */
export type Label = readonly [above: string, below: string];

export const english: Texts = {
  flow: {
    title:
      'Callers reach the broker by API Gateway or by an alias. The broker gets tokens from its table, or logs in to Fegora',
    callers: ['your Lambda, a script', 'also of another AWS account'],
    direct: ['Step Functions, Lambda', 'of this AWS account'],
    schedule: ['EventBridge', 'every 4 minutes'],
    gateway: ['API Gateway', 'IAM on every method'],
    broker: ['the broker', 'one Lambda function', '', 'all callers of an account', 'share one token'],
    fegora: ['Fegora', 'tokens of 30 minutes'],
    table: ['DynamoDB', 'one item per account'],
    secrets: ['Secrets Manager', 'one secret per account'],
    signed: ['POST /token/main', 'signed (SigV4)'],
    invoked: ['invoke the alias', 'account-main'],
    events: ['warm-ups,', 'changed secrets'],
    login: ['one login', 'per token'],
    shared: ['token, lease', ''],
    credentials: ['user, password', ''],
  },
  life: {
    title: 'A token of 30 minutes is renewed after 20 minutes, and served for 29 if Fegora is down',
    minutes: 'minutes',
    well: 'All is well',
    down: 'Fegora is down',
    first: 'first token',
    next: 'next token',
    client: "caller's client",
    fegora: 'Fegora',
    handedOut: 'handed out at once',
    window: 'renewal window: one call renews',
    cached: 'in the memory of the caller: no call',
    early: 'asks early',
    margin: 'margin',
    outage: 'down: no login succeeds',
    tries: 'still handed out; one try a minute',
  },
};

export const spanish: Texts = {
  flow: {
    title:
      'Los servicios llegan al intermediario por API Gateway o por un alias. El intermediario toma los tokens de su tabla, o inicia sesión en Fegora',
    callers: ['su Lambda, un script', 'o de otra cuenta de AWS'],
    direct: ['Step Functions, Lambda', 'de esta cuenta de AWS'],
    schedule: ['EventBridge', 'cada 4 minutos'],
    gateway: ['API Gateway', 'IAM en cada método'],
    broker: ['el intermediario', 'una función Lambda', '', 'los servicios de una cuenta', 'comparten un token'],
    fegora: ['Fegora', 'tokens de 30 minutos'],
    table: ['DynamoDB', 'un registro por cuenta'],
    secrets: ['Secrets Manager', 'un secreto por cuenta'],
    signed: ['POST /token/main', 'firmada (SigV4)'],
    invoked: ['invocan el alias', 'account-main'],
    events: ['renovaciones,', 'secretos nuevos'],
    login: ['un inicio de sesión', 'por token'],
    shared: ['token, reserva', ''],
    credentials: ['usuario, contraseña', ''],
  },
  life: {
    title: 'Un token de 30 minutos se renueva a los 20 minutos, y se entrega durante 29 si Fegora no responde',
    minutes: 'minutos',
    well: 'Todo está bien',
    down: 'Fegora falla',
    first: 'primer token',
    next: 'token siguiente',
    client: 'caché del cliente',
    fegora: 'Fegora',
    handedOut: 'se entrega de inmediato',
    window: 'una llamada lo renueva',
    cached: 'en la memoria del servicio: sin llamadas',
    early: 'pide otro',
    margin: 'margen',
    outage: 'falla: ningún inicio de sesión funciona',
    tries: 'aún se entrega; 1 intento/min',
  },
};
