// urql asks by POST and by GET, as in docs/clients.md: node urql.mjs URL
import assert from 'node:assert/strict';
import { Client, cacheExchange, fetchExchange, gql } from '@urql/core';

const RUNS = gql`
  query NewestRuns($first: Int!, $after: String) {
    runs(first: $first, after: $after) { nodes { id name } pageInfo { endCursor } }
  }
`;
for (const preferGetMethod of [false, 'force']) {
  const client = new Client({ url: process.argv[2], exchanges: [cacheExchange, fetchExchange], preferGetMethod });
  const first = await client.query(RUNS, { first: 3 }).toPromise();
  assert.equal(first.error, undefined);
  const after = first.data.runs.pageInfo.endCursor;
  const second = await client.query(RUNS, { first: 3, after }).toPromise();
  const ids = [...first.data.runs.nodes, ...second.data.runs.nodes].map(({ id }) => id);
  assert.equal(new Set(ids).size, 6);
  const refused = await client.query(gql`{ runs(first: -1) { nodes { id } } }`, {}).toPromise();
  assert.match(refused.error.message, /first is -1/);
}
console.log('urql: 6 runs in two pages, by POST and by GET');
