import { Kbd, Modal, Table } from "@mantine/core";
import { useEffect, useState } from "react";
import { useText } from "../text/language";
import { words } from "./text";

interface Props {
  opened: boolean;
  onClose: () => void;
}

/** What the keyboard can do. */
export default function Help({ opened, onClose }: Props) {
  const t = useText(words);
  // A dialog gives the focus back only if it was there before it was opened.
  const [shown, setShown] = useState(false);
  useEffect(() => setShown(opened), [opened]);
  return (
    <Modal opened={shown} onClose={onClose} title={t.keys} centered>
      <Table aria-label={t.keys}>
        <Table.Tbody>
          {Object.entries(t.keyList).map(([keys, what]) => (
            <Table.Tr key={keys}>
              <Table.Td w={110}>
                {keys.split(/,? /).map((key) => (
                  <Kbd key={key} mr={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Td>
              <Table.Td>{what}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}
