import { Center, Loader } from "@mantine/core";
import { lazy, Suspense } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { SessionProvider, useSessionQuery } from "./api/session";
import { Guard } from "./components/Guard";
import { Failed, Loading } from "./components/states";
import { Shell } from "./layout/Shell";
import { LiveProvider } from "./live/hooks";
import { SCREENS } from "./routes";

const SignIn = lazy(() => import("./screens/sign-in/SignIn"));

/** Whoever is signed in sees the screens, everybody else how to sign in. */
export function App() {
  const session = useSessionQuery();
  if (session.data) {
    return (
      <SessionProvider value={session.data}>
        <LiveProvider>
          <Shell>
            <Screens />
          </Shell>
        </LiveProvider>
      </SessionProvider>
    );
  }
  if (session.data === null) {
    return (
      <Guard>
        <Suspense fallback={<Waiting />}>
          <SignIn />
        </Suspense>
      </Guard>
    );
  }
  if (!session.isError) return <Waiting />;
  return (
    <Center h="100vh" p="md">
      <Failed error={session.error} again={() => void session.refetch()} />
    </Center>
  );
}

function Waiting() {
  return (
    <Center h="100vh">
      <Loader />
    </Center>
  );
}

function Screens() {
  const [path] = useLocation();
  return (
    <Guard key={path}>
      <Suspense fallback={<Loading />}>
        <Switch>
          {SCREENS.map(({ path: pattern, Screen }) => (
            <Route path={pattern} key={pattern}>
              {(parameters: { id?: string }) => <Screen id={parameters.id ?? ""} />}
            </Route>
          ))}
          <Route>
            <Redirect to="/" />
          </Route>
        </Switch>
      </Suspense>
    </Guard>
  );
}
