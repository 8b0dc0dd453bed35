// The pool, and statements that are prepared once on each connection under their name.
import pg from "pg";

const { BENCH_DATABASE, BENCH_POOL } = process.env;
export const pool = new pg.Pool({ connectionString: BENCH_DATABASE, max: Number(BENCH_POOL), min: 1 });

/** The rows of a statement. */
export async function query(name, text, values, on = pool) {
  return (await on.query({ name, text, values })).rows;
}
