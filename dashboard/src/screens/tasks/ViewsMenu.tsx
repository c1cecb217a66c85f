import { ActionIcon, Button, Divider, Group, Popover, Stack, Text, TextInput } from "@mantine/core";
import { IconBookmark, IconTrash } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { type Filters, isEmpty } from "../../lib/address";
import { clip } from "../../lib/format";
import {
  BUILT_IN,
  builtIn,
  filtersOf,
  LONGEST_NAME,
  readViews,
  removeView,
  saveView,
} from "../../lib/views";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { words } from "./text";
import type { Show } from "./useFilters";

/** Filters by name: those that are always there, and those that somebody has kept. */
export function ViewsMenu({ filters, show }: { filters: Filters; show: Show }) {
  const t = useText(words);
  const [open, setOpen] = useState(false);
  const [views, setViews] = useState(() => readViews(localStorage));
  function go(to: Filters) {
    show(to);
    setOpen(false);
  }
  return (
    <Popover
      opened={open}
      onChange={setOpen}
      position="bottom-end"
      width={280}
      trapFocus
      returnFocus
    >
      <Popover.Target>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconBookmark size={14} aria-hidden />}
          onClick={() => setOpen(!open)}
        >
          {t.views}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap={4}>
          {BUILT_IN.map((name) => (
            <Choice key={name} name={t.builtIn[name]} open={() => go(builtIn(name, Date.now()))} />
          ))}
          {views.length > 0 && <Divider />}
          {views.map((view) => (
            <Choice
              key={view.name}
              name={view.name}
              open={() => go(filtersOf(view))}
              remove={() => setViews(removeView(localStorage, view.name))}
            />
          ))}
          <Divider />
          <SaveView
            empty={isEmpty(filters)}
            save={(name) => setViews(saveView(localStorage, name, filters))}
          />
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

interface ChoiceProps {
  name: string;
  open: () => void;
  remove?: () => void;
}

function Choice({ name, open, remove }: ChoiceProps) {
  const t = useText(words);
  return (
    <Group gap={4} wrap="nowrap">
      <Button
        size="xs"
        variant="subtle"
        justify="flex-start"
        flex={1}
        miw={0}
        title={name}
        onClick={open}
      >
        <span className="one-line">{clip(name, LONGEST_NAME)}</span>
      </Button>
      {remove && (
        <ActionIcon
          size="sm"
          variant="subtle"
          color="gray"
          aria-label={t.removeView(clip(name, LONGEST_NAME))}
          onClick={remove}
        >
          <IconTrash size={14} aria-hidden />
        </ActionIcon>
      )}
    </Group>
  );
}

function SaveView({ empty, save }: { empty: boolean; save: (name: string) => void }) {
  const t = useText(words);
  const c = useText(common);
  const [name, setName] = useState("");
  function submit(event: FormEvent) {
    event.preventDefault();
    if (name.trim() === "") return;
    save(name);
    setName("");
  }
  if (empty) {
    return (
      <Text size="xs" c="dimmed">
        {t.nothingToSave}
      </Text>
    );
  }
  return (
    <form onSubmit={submit}>
      <Group gap={6} align="flex-end" wrap="nowrap">
        <TextInput
          size="xs"
          flex={1}
          label={t.saveView}
          placeholder={t.viewName}
          maxLength={LONGEST_NAME}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Button size="xs" type="submit" disabled={name.trim() === ""}>
          {c.save}
        </Button>
      </Group>
    </form>
  );
}
