import { Component, type ReactNode } from "react";
import { Failed } from "./states";

/** Keeps a fault to what is in it, such as one screen; the rest of the page still works. */
export class Guard extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return <Failed error={this.state.error} again={() => location.reload()} />;
  }
}
