// The states of the invoicing workflow: issue an invoice, check it, void it if it is wrong. Called by invoicing.ts.
import { Duration } from 'aws-cdk-lib';
import { Choice, Condition, Fail, JsonPath, Pass, Succeed, Wait, WaitTime } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { FegoraRequests } from 'fegora-token-broker';

/** What the states send their requests with. */
export interface InvoicingStates {
  readonly requests: FegoraRequests;
  readonly account: string;
}

/** A POST or PATCH whose outcome is not known is never repeated before Fegora has been asked. */
const whenUnknown = { errors: FegoraRequests.unknownOutcomes, resultPath: '$.unknown' };

/**
 * Returns the first state. The input is `{ numeroTransaccion, total, documento }`, with the same `numeroTransaccion` in
 * `documento`. The workflow looks the number up first, so the same input can be started again, and issues one invoice.
 *
 * All requests are states of `FegoraRequests`: they bring their own retries, and the token is in none of them.
 */
export function invoicingStates(scope: Construct, { requests, account }: InvoicingStates): Pass {
  const byNumber = { numeroTransaccion: JsonPath.stringAt('$.numeroTransaccion') };
  const lookUp = { account, method: 'GET', path: '/dte', query: byNumber, resultPath: '$.found' } as const;
  const id = JsonPath.stringAt('$.invoice.body.id');

  const check = checkedInvoice(scope, { requests, account, id });
  const known = new Pass(scope, 'Known', {
    parameters: { body: JsonPath.objectAt('$.found.body.data[0]') },
    resultPath: '$.invoice',
  }).next(check);
  const isThere = Condition.isPresent('$.found.body.data[0]');

  const unknown = new Wait(scope, 'WaitForOutcome', { time: WaitTime.duration(Duration.seconds(30)) })
    .next(requests.task(scope, 'LookUpAgain', lookUp))
    .next(
      new Choice(scope, 'IsThere').when(isThere, known).otherwise(
        new Fail(scope, 'NotIssued', {
          error: 'NotIssued',
          cause: 'Fegora does not know the document. Start the workflow again with the same input.',
        }),
      ),
    );
  const issue = requests
    .task(scope, 'Issue', {
      account,
      method: 'POST',
      path: '/dte',
      body: JsonPath.objectAt('$.documento'),
      // Nothing of the answer is selected here: if that failed, the document would be issued, and the state would have failed.
      resultPath: '$.invoice',
    })
    .addCatch(unknown, whenUnknown)
    .next(check);

  const start = new Pass(scope, 'Start');
  start
    .next(requests.task(scope, 'LookUp', lookUp))
    .next(new Choice(scope, 'IsIssued').when(isThere, known).otherwise(issue));
  return start;
}

/** Waits, reads the invoice, and voids it if its total is wrong. */
function checkedInvoice(scope: Construct, { requests, account, id }: InvoicingStates & { readonly id: string }): Wait {
  const wait = new Wait(scope, 'WaitForCertification', { time: WaitTime.duration(Duration.seconds(5)) });
  const read = requests.task(scope, 'Read', {
    account,
    method: 'GET',
    path: JsonPath.format('/dte/{}', id),
    resultPath: '$.dte',
  });
  const voidInvoice = requests
    .task(scope, 'Void', {
      account,
      method: 'PATCH',
      path: '/dte',
      body: { id, anulado: true, datosAnulacion: { motivoAnulacion: 'El total no es el del pedido.' } },
      resultPath: '$.voided',
    })
    // It is read again: either it is voided, or it has to be voided again.
    .addCatch(wait, whenUnknown)
    .next(wait);
  const voided = new Fail(scope, 'Voided', {
    error: 'Voided',
    cause: 'The total of the invoice was not that of the order, so the invoice was voided.',
  });
  const total = '$.dte.body.total';
  const unreadable = new Fail(scope, 'NoTotal', {
    error: 'NoTotal',
    cause: 'The invoice is issued, but the answer of Fegora has no total that is a number. Check the invoice yourself.',
  });
  wait.next(read).next(
    new Choice(scope, 'Check')
      .when(Condition.booleanEquals('$.dte.body.anulado', true), voided)
      // A total that cannot be compared is not a wrong one.
      .when(
        Condition.or(Condition.not(Condition.isPresent(total)), Condition.not(Condition.isNumeric(total))),
        unreadable,
      )
      .when(Condition.numberEqualsJsonPath(total, '$.total'), new Succeed(scope, 'Issued'))
      .otherwise(voidInvoice),
  );
  return wait;
}
