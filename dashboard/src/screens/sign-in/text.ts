import { texts } from "../../text/language";

export const words = texts({
  en: {
    title: "Task system",
    email: "Email",
    password: "Password",
    signIn: "Sign in",
    or: "or",
    link: "Without a password: open the link that make up prints, or one from",
  },
  zh: {
    title: "任务系统",
    email: "邮箱",
    password: "密码",
    signIn: "登录",
    or: "或者",
    link: "没有密码：打开 make up 打印的链接，或用下面的命令得到一个：",
  },
});
