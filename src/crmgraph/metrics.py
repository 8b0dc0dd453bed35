"""What is counted, for Prometheus."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter("crmgraph_requests", "Requests answered.", ["door", "status"])
SECONDS = Histogram("crmgraph_request_seconds", "How long requests took, in seconds.", ["door"])
ROADS = Counter("crmgraph_graphql_operations", "GraphQL operations, by what answered them.", ["road"])
