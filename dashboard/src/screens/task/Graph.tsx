import { Box } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import type { GraphNode, TaskGraph } from "../../api/types";
import { shownProgress } from "../../components/progressShown";
import { COLORS } from "../../components/StatusBadge";
import { Answer } from "../../components/states";
import { clip, wholePercent } from "../../lib/format";
import { common } from "../../text/common";
import { useLanguage, useText } from "../../text/language";
import { type Drawing, draw, NODE_HEIGHT, NODE_WIDTH, type Placed, shapeOf } from "./graphLayout";
import { words } from "./text";

interface Props {
  graph: TaskGraph;
  /** The task that is looked at. */
  id: string;
}

/** The dependency graph as a drawing; each task of it leads to its page. */
export function Graph({ graph, id }: Props) {
  // The layout is kept for as long as no task and no edge comes or goes.
  const drawing = useQuery({
    queryKey: ["graph layout", shapeOf(graph)],
    queryFn: () => draw(graph),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Box visibleFrom="sm" mih={NODE_HEIGHT * 2}>
      <Answer query={drawing} lines={3}>
        {(drawn) => <Picture drawing={drawn} graph={graph} id={id} />}
      </Answer>
    </Box>
  );
}

const SCROLLER = { overflow: "auto", maxHeight: 520 } as const;
const EDGE = { fill: "none", stroke: "var(--mantine-color-gray-5)", strokeWidth: 1.5 } as const;

function Picture({ drawing, graph, id }: Props & { drawing: Drawing }) {
  const t = useText(words);
  const places = new Map(drawing.nodes.map((place) => [place.id, place]));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
    <section tabIndex={0} aria-label={t.graph} style={SCROLLER}>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be in a drawing */}
      <svg width={drawing.width} height={drawing.height} role="group" aria-label={t.graph}>
        <defs>
          <marker
            id="needed"
            viewBox="0 0 8 8"
            refX="8"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto"
          >
            <path d="M0,0L8,4L0,8z" style={{ fill: "var(--mantine-color-gray-5)" }} />
          </marker>
        </defs>
        {drawing.edges.map((path) => (
          <path key={path} d={path} style={EDGE} markerEnd="url(#needed)" />
        ))}
        {graph.nodes.map((node) => {
          const place = places.get(node.id);
          return place && <Node key={node.id} node={node} place={place} isThis={node.id === id} />;
        })}
      </svg>
    </section>
  );
}

interface NodeProps {
  node: GraphNode;
  place: Placed;
  isThis: boolean;
}

function Node({ node, place, isThis }: NodeProps) {
  const t = useText(words);
  const { statuses } = useText(common);
  const { language } = useLanguage();
  const color = `var(--mantine-color-${COLORS[node.status]}-6)`;
  const name = clip(node.name, 100);
  const progress = node.status === "running" ? shownProgress(node) : null;
  const far = progress === null ? "" : ` ${wholePercent(progress, language)}`;
  const state = `${statuses[node.status]}${far}`;
  return (
    <Link
      href={`/tasks/${node.id}`}
      aria-label={`${name} ${state}${isThis ? ` (${t.thisTask})` : ""}`}
      aria-current={isThis ? "true" : undefined}
      data-status={node.status}
    >
      {/* A drawing of its own cuts off what is too long for it. */}
      <svg x={place.x} y={place.y} width={NODE_WIDTH} height={NODE_HEIGHT} aria-hidden>
        <title>{name}</title>
        <rect
          x={1}
          y={1}
          width={NODE_WIDTH - 2}
          height={NODE_HEIGHT - 2}
          rx={4}
          style={{
            fill: "var(--mantine-color-body)",
            stroke: isThis ? "var(--mantine-primary-color-filled)" : color,
            strokeWidth: isThis ? 2 : 1,
          }}
        />
        <rect x={1} y={1} width={6} height={NODE_HEIGHT - 2} style={{ fill: color }} />
        <text x={14} y={19} style={{ fill: "var(--mantine-color-text)", fontSize: 13 }}>
          {/* The space tells it from the line below for those who hear the page. */}
          {`${name} `}
        </text>
        <text x={14} y={36} style={{ fill: "var(--mantine-color-text)", fontSize: 11 }}>
          {state}
        </text>
      </svg>
    </Link>
  );
}
