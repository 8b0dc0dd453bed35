import { ApolloProvider } from "@apollo/client/react";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { client, login } from "./api.js";
import { List } from "./List.jsx";

function Screen() {
  const [signedIn, setSignedIn] = useState(false);
  const [refused, setRefused] = useState([]);
  async function enter(event) {
    event.preventDefault();
    const given = new FormData(event.target);
    const errors = await login(given.get("email"), given.get("password"));
    setRefused(errors);
    setSignedIn(!errors.length);
  }
  if (signedIn) return <List />;
  return (
    <form onSubmit={enter}>
      <h1>Contacts</h1>
      <label>Email<input name="email" type="email" autoComplete="username" required /></label>
      <label>Password<input name="password" type="password" autoComplete="current-password" required /></label>
      {refused.map(({ message }) => <p key={message} role="alert">{message}</p>)}
      <button type="submit">Sign in</button>
    </form>
  );
}

createRoot(document.getElementById("root")).render(<ApolloProvider client={client}><Screen /></ApolloProvider>);
