import { texts } from "../text/language";

export const words = texts({
  en: {
    throughput: { hour: "Tasks per hour", day: "Tasks per day" },
    finished: { hour: "Tasks finished per hour", day: "Tasks finished per day" },
    wait: "Wait time",
    run: "Run time",
    created: "Created",
    time: "Time",
    key: "Lines",
    asTable: "As a table",
    hint: "Drag over a chart to choose a time.",
    createdIn: "Tasks created in this range",
    nothing: "Nothing happened in this time.",
  },
  zh: {
    throughput: { hour: "每小时任务数", day: "每天任务数" },
    finished: { hour: "每小时结束的任务数", day: "每天结束的任务数" },
    wait: "等待时间",
    run: "运行时间",
    created: "新建",
    time: "时间",
    key: "图例",
    asTable: "以表格显示",
    hint: "在图表上拖动即可选择时间段。",
    createdIn: "该时段内创建的任务",
    nothing: "这段时间内没有任务活动。",
  },
});
