/** What a screen shows when it has nothing to show: it loads, it failed, there is nothing. */
import { Alert, Button, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconRefresh } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Problem } from "../api/client";
import { common } from "../text/common";
import { useText } from "../text/language";

export function Loading({ lines = 5 }: { lines?: number }) {
  const t = useText(common);
  return (
    <Stack gap="sm" role="status" aria-label={t.loading}>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <Skeleton key={line} height={22} radius="sm" width={`${100 - (line % 3) * 12}%`} />
      ))}
    </Stack>
  );
}

/** An error as the API says it, and what may be done. */
export function Failed({ error, again }: { error: unknown; again?: () => void }) {
  const t = useText(common);
  const problem = error instanceof Problem ? error : null;
  const message = error instanceof Error ? error.message : String(error);
  return (
    <Alert
      color="red"
      variant="light"
      icon={<IconAlertTriangle />}
      title={t.wrong}
      role="alert"
      data-code={problem?.code}
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm" className="breaks">
          {problem?.status === 0 ? t.unreachable : message}
        </Text>
        {problem?.places.map((place, number) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two may be about the same place
          <Text size="sm" className="breaks" key={number}>
            <code>{place.loc.slice(1).join(".")}</code>: {place.msg}
          </Text>
        ))}
        {problem?.requestId && (
          <Text size="xs" c="dimmed" ff="monospace" className="breaks">
            {t.requestId(problem.requestId)}
          </Text>
        )}
        {again && (
          <Button
            size="xs"
            variant="default"
            leftSection={<IconRefresh size={14} />}
            onClick={again}
          >
            {t.tryAgain}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

interface EmptyProps {
  title: string;
  children?: ReactNode;
  icon?: ReactNode;
  action?: ReactNode;
}

/** Nothing is there, and that is no error: what would be here, and how it comes here. */
export function Empty({ title, children, icon, action }: EmptyProps) {
  return (
    <Paper p="xl" withBorder className="empty">
      <Stack align="center" gap="xs">
        {icon}
        <Title order={2} size="h4" ta="center">
          {title}
        </Title>
        {children && (
          <Text c="dimmed" size="sm" ta="center" maw={520}>
            {children}
          </Text>
        )}
        {action && <Group mt="xs">{action}</Group>}
      </Stack>
    </Paper>
  );
}

interface AnswerProps<T> {
  query: UseQueryResult<T>;
  lines?: number;
  children: (data: T) => ReactNode;
}

/** An answer of the API, or that it is on its way, or why there is none. */
export function Answer<T>({ query, lines, children }: AnswerProps<T>) {
  if (query.data !== undefined) return children(query.data);
  if (query.isError) return <Failed error={query.error} again={() => void query.refetch()} />;
  return <Loading lines={lines} />;
}
