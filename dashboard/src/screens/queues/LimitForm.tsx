import {
  Autocomplete,
  Button,
  Group,
  Modal,
  NativeSelect,
  NumberInput,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { useFunctionNames, useQueueNames } from "../../api/queries";
import type { Limit, LimitKind } from "../../api/types";
import { say } from "../../components/say";
import { Failed } from "../../components/states";
import { useSending } from "../../components/useSending";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import {
  type Draft,
  draftOf,
  EMPTY,
  type Field,
  faultsOf,
  KINDS,
  MOST,
  replaced,
  saidOf,
  valuesOf,
} from "./limits";
import { LIMITS } from "./queries";
import { words } from "./text";

/** Suggestions shown at a time. */
const SUGGESTED = 50;

interface Props {
  /** The one to change; without it a new one is made. */
  limit?: Limit;
  /** Those there are. */
  limits: readonly Limit[];
  onClose: () => void;
}

/** Makes a limit, or changes one. */
export function LimitForm({ limit, limits, onClose }: Props) {
  const t = useText(words);
  const c = useText(common);
  const client = useQueryClient();
  const [draft, setDraft] = useState<Draft>(limit ? draftOf(limit) : EMPTY);
  const suggested = useSuggested(draft.kind);
  const faults = faultsOf(draft);
  const { form, tried, busy, error, submit } = useSending(Object.keys(faults).length === 0, save);
  const said = saidOf(error);
  const isTaken = !limit && replaced(limits, draft) !== undefined;

  async function save() {
    await api.PUT("/api/v1/limits/{kind}/{name}", {
      params: { path: { kind: draft.kind, name: draft.name.trim() } },
      body: valuesOf(draft),
    });
    void client.invalidateQueries({ queryKey: LIMITS });
    say(t.limitSaved);
    onClose();
  }

  function wrong(field: Field): string | undefined {
    const fault = faults[field];
    return tried && fault ? t.faults[fault] : said?.[field];
  }

  return (
    <Modal opened onClose={onClose} title={limit ? t.changeLimit : t.setLimit} centered>
      <form ref={form} onSubmit={submit} noValidate>
        <Stack gap="sm">
          <NativeSelect
            label={t.limitKind}
            data={KINDS.map((kind) => ({ value: kind, label: t.kinds[kind] }))}
            data-autofocus={limit === undefined || undefined}
            value={draft.kind}
            disabled={limit !== undefined}
            onChange={(event) =>
              setDraft({ ...draft, kind: event.currentTarget.value as LimitKind })
            }
          />
          <Autocomplete
            label={c.name}
            description={t.nameHelp[draft.kind]}
            data={suggested}
            limit={SUGGESTED}
            maxLength={255}
            value={draft.name}
            disabled={limit !== undefined}
            error={wrong("name")}
            onChange={(name) => setDraft({ ...draft, name })}
          />
          <NumberInput
            label={t.concurrency}
            description={t.concurrencyHelp}
            data-autofocus={limit !== undefined || undefined}
            hideControls
            allowDecimal={false}
            allowNegative={false}
            clampBehavior="none"
            max={MOST}
            value={draft.concurrency}
            error={wrong("concurrency")}
            onChange={(concurrency) => setDraft({ ...draft, concurrency })}
          />
          <TextInput
            label={t.rate}
            description={t.rateHelp}
            placeholder="100/m"
            value={draft.rate}
            error={wrong("rate")}
            onChange={(event) => setDraft({ ...draft, rate: event.currentTarget.value })}
          />
          <Text size="sm" c="dimmed">
            {isTaken ? t.limitReplaces : t.limitHolds}
          </Text>
          {error !== null && said === null && <Failed error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={onClose}>
              {c.back}
            </Button>
            <Button size="xs" type="submit" loading={busy}>
              {c.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** Names to choose from; keys are made up as tasks come. */
function useSuggested(kind: LimitKind): string[] {
  const functions = useFunctionNames();
  const queues = useQueueNames();
  if (kind === "task") return functions;
  return kind === "queue" ? queues : [];
}
