import { Alert, Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { api, bodyOf } from "../../api/client";
import { WithFunctions } from "../../components/arguments/WithFunctions";
import { Page } from "../../components/Page";
import { sayError } from "../../components/say";
import { Answer } from "../../components/states";
import { clip } from "../../lib/format";
import type { ScreenProps } from "../../routes";
import { useText } from "../../text/language";
import { CreateForm, UpdateForm } from "./forms";
import { words } from "./text";

/** A new schedule, or a change of the one with this id. */
export default function EditSchedule({ id }: ScreenProps) {
  return id === "" ? <New /> : <Edit id={id} />;
}

function New() {
  const t = useText(words);
  return (
    <Page title={t.new} about={t.emptyAbout}>
      <WithFunctions>{(types) => <CreateForm types={types} />}</WithFunctions>
    </Page>
  );
}

function Edit({ id }: { id: string }) {
  const t = useText(words);
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
            <WithFunctions>
              {(types) => (
                <UpdateForm
                  key={round}
                  types={types}
                  schedule={schedule}
                  reload={() => void reload()}
                />
              )}
            </WithFunctions>
          )
        }
      </Answer>
    </Page>
  );
}
