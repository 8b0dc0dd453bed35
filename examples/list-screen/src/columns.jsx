const primary = (rows) => rows.find((row) => row.primary);
const day = (time) => time.slice(0, 10);

/** What a list shows: the word of `ContactSortField` that a click on its head sorts by, and what stands in a row. */
export const COLUMNS = [
  { name: "Name", sort: "FULL_NAME", cell: (contact) => contact.displayName },
  { name: "Job title", sort: "JOB_TITLE", cell: (contact) => contact.jobTitle },
  { name: "Account", sort: "ACCOUNT_NAME", cell: (contact) => contact.account?.name },
  { name: "Email", sort: "EMAIL", cell: (contact) => primary(contact.emails)?.address },
  { name: "Phone", sort: "PHONE", cell: (contact) => primary(contact.phones)?.national ?? primary(contact.phones)?.raw },
  { name: "City", sort: "CITY", cell: (contact) => primary(contact.addresses)?.city },
  { name: "Category", sort: "CATEGORY", cell: (contact) => contact.category },
  { name: "Owner", sort: "OWNER", cell: (contact) => contact.owner?.name },
  { name: "Changed", sort: "UPDATED_AT", cell: (contact) => day(contact.updatedAt) },
];
