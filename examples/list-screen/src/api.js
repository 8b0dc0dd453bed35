/* global ENDPOINT - put in by serve.mjs */
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";

let token = null;
const bearer = new SetContextLink(({ headers }) => ({ headers: token ? { ...headers, authorization: `Bearer ${token}` } : headers }));
export const client = new ApolloClient({ link: ApolloLink.from([bearer, new HttpLink({ uri: ENDPOINT })]), cache: new InMemoryCache() });

export async function login(email, password) {
  const { data } = await client.mutate({ mutation: LOGIN, variables: { input: { email, password } }, errorPolicy: "all" });
  token = data?.login.accessToken ?? null;
  return data?.login.userErrors ?? [{ message: "The service does not answer.", path: ["input"] }];
}

const LOGIN = gql`mutation Login($input: LoginInput!) { login(input: $input) { accessToken userErrors { message path } } }`;

const ROW = gql`
  fragment Row on Contact {
    id revision displayName firstName lastName jobTitle category createdAt updatedAt deletedAt can
    account { id name }
    owner { id name }
    emails { id address primary active }
    phones { id raw national primary active }
    addresses { id city country primary active }
  }
`;

export const LIST = gql`
  query List($filter: ContactFilter, $sort: [ContactSort!], $first: Int, $after: String, $last: Int, $before: String) {
    contacts(filter: $filter, sort: $sort, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { ...Row }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
  ${ROW}
`;

export const SEARCH = gql`
  query Search($text: String!, $first: Int, $after: String, $last: Int, $before: String) {
    contacts: search(text: $text, kinds: [CONTACT], first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { ...Row }
      edges { node { id } matched { field excerpt } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
  ${ROW}
`;

export const MENUS = gql`
  query Menus {
    categories: choices(of: CONTACT, field: "category") { value label }
    users(first: 100, filter: { active: true }, sort: [{ field: NAME }]) { nodes { id name } }
  }
`;

export const SAVE = gql`
  mutation Save($input: UpdateContactInput!) {
    updateContact(input: $input) {
      contact { ...Row }
      userErrors {
        __typename code message path
        ... on RangeError { limitLength least most }
        ... on ChoiceError { choices }
        ... on StaleError { record { id revision } changes { at user { name } fields { field old new } } }
      }
    }
  }
  ${ROW}
`;
