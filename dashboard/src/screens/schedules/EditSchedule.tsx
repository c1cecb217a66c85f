import { Alert, Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "wouter";
import { api, bodyOf } from "../../api/client";
import { useCan } from "../../api/session";
import type { TaskType } from "../../api/types";
import { NoFunctions } from "../../components/arguments/NoFunctions";
import { useTaskTypes } from "../../components/arguments/task-types";
import { Page } from "../../components/Page";
import { sayError } from "../../components/say";
import { Answer } from "../../components/states";
import { clip } from "../../lib/format";
import type { ScreenProps } from "../../routes";
import { common } from "../../text/common";
import { useText } from "../../text/language";
import { CreateForm, UpdateForm } from "./forms";
import { words } from "./text";

/** A new schedule, or a change of the one with this id. */
export default function EditSchedule({ id }: ScreenProps) {
  const t = useText(words);
  const c = useText(common);
  const can = useCan();
  const types = useTaskTypes();
  if (!can("tasks:write")) {
    return (
      <Page title={t.title}>
        <Alert color="gray">{c.noAccess}</Alert>
      </Page>
    );
  }
  if (id !== "") return <Edit id={id} />;
  return (
    <Page title={t.new} about={t.emptyAbout}>
      <Answer query={types}>
        {(found) => (found.length > 0 ? <New types={found} /> : <NoFunctions />)}
      </Answer>
    </Page>
  );
}

function New({ types }: { types: readonly TaskType[] }) {
  const [address] = useSearchParams();
  const [only] = types;
  const first = types.length === 1 && only ? only.name : "";
  return <CreateForm types={types} functionName={address.get("function") ?? first} />;
}

function Edit({ id }: { id: string }) {
  const t = useText(words);
  const types = useTaskTypes();
  // Read for this form, and not again while somebody types: the change is meant for this version.
  const query = useQuery({
    queryKey: ["schedule-to-edit", id],
    queryFn: async ({ signal }) => {
      const params = { path: { schedule_id: id } };
      return bodyOf(await api.GET("/api/v1/schedules/{schedule_id}", { params, signal }));
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const [round, setRound] = useState(0);

  async function reload() {
    const { isSuccess, error } = await query.refetch();
    if (isSuccess) setRound(round + 1);
    else sayError(error);
  }

  return (
    <Page title={query.data ? t.editTitle(clip(query.data.name, 200)) : t.title}>
      <Answer query={query}>
        {(schedule) =>
          schedule.source === "static" ? (
            <Alert color="gray">
              {t.isStatic}{" "}
              <Anchor component={Link} href={`/schedules/${id}`} inherit>
                {clip(schedule.name, 200)}
              </Anchor>
            </Alert>
          ) : (
            <Answer query={types}>
              {(found) => (
                <UpdateForm
                  key={round}
                  types={found}
                  schedule={schedule}
                  reload={() => void reload()}
                />
              )}
            </Answer>
          )
        }
      </Answer>
    </Page>
  );
}
