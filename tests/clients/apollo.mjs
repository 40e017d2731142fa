// Apollo Client pages through runs by the recipe of docs/clients.md: node apollo.mjs URL
import assert from 'node:assert/strict';
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client/core/index.js';
import { relayStylePagination } from '@apollo/client/utilities/index.js';

const client = new ApolloClient({
  link: new HttpLink({ uri: process.argv[2] }),
  cache: new InMemoryCache({
    possibleTypes: { Node: ['Run', 'Project', 'Feedback'], RunBase: ['Run'] },
    typePolicies: {
      Query: { fields: { runs: relayStylePagination(['where', 'orderBy']) } },
      Trace: { keyFields: ['traceId'] },
    },
  }),
});

const RUNS = gql`
  query NewestRuns($first: Int, $after: String) {
    runs(first: $first, after: $after, where: { isRoot: true }) {
      edges { cursor node { id name status trace { traceId runCount } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`;
const query = client.watchQuery({ query: RUNS, variables: { first: 3 } });
const { data } = await new Promise((told) => query.subscribe((found) => found.loading || told(found)));
assert.equal(data.runs.edges.length, 3);
await query.fetchMore({ variables: { after: data.runs.pageInfo.endCursor } });
const { runs } = client.readQuery({ query: RUNS, variables: { first: 3 } });
assert.equal(new Set(runs.edges.map(({ node }) => node.id)).size, 6);

const ONE = gql`query One($id: ID!) { node(id: $id) { id ... on Run { name childRuns { id } } } }`;
const one = await client.query({ query: ONE, variables: { id: runs.edges[0].node.id } });
assert.equal(one.data.node.name, runs.edges[0].node.name);

await assert.rejects(client.query({ query: gql`{ runs(first: -1) { nodes { id } } }` }), /first is -1/);
console.log('Apollo Client: 6 runs in two pages');
