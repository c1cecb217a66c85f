import { Center, Loader } from "@mantine/core";
import { Component, type ReactNode, Suspense } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { SessionProvider, useSessionQuery } from "./api/session";
import { Failed, Loading } from "./components/states";
import { Shell } from "./layout/Shell";
import { LiveProvider } from "./live/hooks";
import { SCREENS } from "./routes";
import { SignIn } from "./screens/sign-in/SignIn";

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
  if (session.data === null) return <SignIn />;
  return (
    <Center h="100vh" p="md">
      {session.isError ? (
        <Failed error={session.error} again={() => void session.refetch()} />
      ) : (
        <Loader />
      )}
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

/** Keeps a fault of one screen to that screen; another screen can still be gone to. */
class Guard extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return <Failed error={this.state.error} again={() => location.reload()} />;
  }
}
