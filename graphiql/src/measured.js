// What the last answer was: its status, time and size, and what the server reckoned it to cost.
import { createCell } from './store.js';

export const measured = createCell(null);
/** Asks the server for the cost of an operation and for who executed it, in `extensions` of the answer. */
export const ASK_COST = { 'graphql-cost': '1' };

/** Takes what was asked for here out of an answer again: it is shown below it, and clients do not get it unasked. */
export function takeCost(body, askedByUser) {
  const { cost, executor, executorReason, ...rest } = body.extensions ?? {};
  if (!askedByUser && body.extensions) {
    if (Object.keys(rest).length) body.extensions = rest;
    else delete body.extensions;
  }
  return { cost, executor, executorReason };
}

const size = (bytes) => (bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KB`);

/** The parts of the line below the answer, each with what it means. */
export function parts({ status, milliseconds, bytes, cost, executor, executorReason }) {
  const by = 'What executed it: one compiled statement, or the resolvers';
  return [
    ['status', `HTTP ${status}`, 'The status of the answer'],
    ['time', `${Math.round(milliseconds)} ms`, 'From sending the request to reading the whole answer'],
    ['size', size(bytes), 'Bytes of the answer, before compression'],
    ...(cost == null ? [] : [['cost', `cost ${cost}`, 'The records that the operation may cause, as the server limits them']]),
    ...(executor == null ? [] : [['executor', executor, executorReason ? `${by}, here because of: ${executorReason}` : by]]),
  ];
}
