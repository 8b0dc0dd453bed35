// The samples: operations for whoever is signed in, whose variables are filled from records that they may see.
import { ensureFresh, authorization } from './session.js';
import { execute } from './http.js';

/** Which samples are for whom, by the role of the person who is signed in. */
export const groupFor = (session) => (!session ? 'anonymous' : session.role === 'CUSTOMER' ? 'customer' : 'staff');

const at = (value, path) => path.split('.').reduce((inside, key) => inside?.[key], value);
const known = (value) => value !== undefined && value !== null && value !== '';

/** A copy of `variables` with the value at a dotted path replaced. */
function withValue(variables, path, value) {
  const copy = structuredClone(variables);
  const keys = path.split('.');
  keys.slice(0, -1).reduce((inside, key) => inside[key], copy)[keys.at(-1)] = value;
  return copy;
}

/**
 * The variables of a sample as it opens: `fill` asks for a page of records and takes the values at `values` from the
 * first one that has them all, and those of `needs`, and is as `when` says. Where none is, the variables stay as they are.
 */
export async function variablesOf(sample, demo) {
  const words = {
    '{random}': Math.random().toString(36).slice(2, 10),
    '{customer.email}': demo?.customer.email ?? 'you@example.com',
    '{customer.password}': demo?.customer.password ?? 'your password',
  };
  const spelled = JSON.stringify(sample.variables, (_key, value) =>
    typeof value === 'string' ? Object.entries(words).reduce((text, [word, by]) => text.replace(word, by), value) : value,
  );
  const variables = JSON.parse(spelled);
  const { fill } = sample;
  if (!fill) return variables;
  await ensureFresh();
  const header = authorization();
  const answer = await execute(fill.query, {}, header ? { authorization: header } : {});
  const records = at(answer.data, fill.records) ?? [];
  const fits = (each) => Object.entries(fill.when ?? {}).every(([path, value]) => at(each, path) === value);
  const needed = [...Object.values(fill.values), ...(fill.needs ?? [])];
  const record = records.find((each) => fits(each) && needed.every((path) => known(at(each, path))));
  if (!record) return variables;
  return Object.entries(fill.values).reduce((filled, [to, from]) => withValue(filled, to, at(record, from)), variables);
}

/** A small picture, for an upload when nobody has chosen a file. */
export async function samplePicture() {
  const canvas = Object.assign(document.createElement('canvas'), { width: 240, height: 240 });
  const paint = canvas.getContext('2d');
  paint.fillStyle = '#0f766e';
  paint.fillRect(0, 0, 240, 240);
  paint.fillStyle = '#fff';
  paint.beginPath();
  paint.arc(120, 96, 44, 0, 2 * Math.PI);
  paint.arc(120, 240, 84, 0, 2 * Math.PI);
  paint.fill();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  return new File([blob], 'sample.png', { type: 'image/png' });
}
