/** The REST API, as every other program sees it. */
import createClient from "openapi-fetch";
import type { paths } from "./schema";

export interface Place {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
}

/** What the API says when it refuses, or that it did not answer (`status` 0). */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly places: readonly Place[] = [],
    readonly requestId: string | null = null,
  ) {
    super(message);
  }

  /** Whether the same request may succeed a moment later. */
  get passes(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** The error of an answer that is none of 2xx. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body !== "object" || body === null || !("detail" in body)) {
    return new Problem(response.status, "unknown", `${response.status} ${response.statusText}`);
  }
  const { code, detail, errors, request_id } = body as Record<string, unknown>;
  return new Problem(
    response.status,
    String(code ?? "unknown"),
    String(detail),
    Array.isArray(errors) ? (errors as Place[]) : [],
    typeof request_id === "string" ? request_id : null,
  );
}

async function fetchOrExplain(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new Problem(0, "unreachable", "The API does not answer.");
  }
}

/**
 * Every path of the API, typed. An answer that is none of 2xx is thrown as a `Problem`.
 *
 * The header keeps other sites from making requests with this browser's session.
 */
export const api = createClient<paths>({
  baseUrl: typeof location === "undefined" ? "http://localhost" : location.origin,
  headers: { "X-Requested-With": "page" },
  fetch: fetchOrExplain,
});

api.use({
  async onResponse({ response }) {
    if (!response.ok) throw await problemOf(response);
    return undefined;
  },
});

/** The body of an answer that has one. */
export function bodyOf<T>(answer: { data?: T }): T {
  return answer.data as T;
}

const NEXT = /<([^>]+)>;\s*rel="?next"?/;

/** The cursor of the page behind this one; null on the last one. */
export function nextCursor(response: Response): string | null {
  const link = NEXT.exec(response.headers.get("link") ?? "");
  if (!link?.[1]) return null;
  return new URL(link[1], "http://localhost").searchParams.get("cursor");
}
